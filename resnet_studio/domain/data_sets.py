"""The labelled image data sets that the program knows by name, one row each. Whatever lists data sets walks the rows.

How the images of a row are read is written in ``data/datasets``: arrays of one size beside torchvision, in
``readers.py``, photos in files of many sizes in ``photos.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.domain.nearest_words import nearest
from resnet_studio.domain.word_lists import any_of
from resnet_studio.text import _

Colour = tuple[float, float, float]  # red, green, blue

FOLDER = "folder:"  # what the source of a folder of images begins with; its path follows
FOLDER_TITLE = _("A folder of images")
NO_DATA = "none"  # the source of imported weights: what they were trained on is not known


_PACKED = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True, slots=True)
class Download:
    """A file that is fetched: its address, MD5 sum (hexadecimal) and size in bytes, None where that is not known."""

    url: str
    md5: str
    bytes: int | None = None

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def packed(self) -> bool:
        """It is an archive, of which what lies in it is kept."""
        return self.name.lower().endswith(_PACKED)


@dataclass(frozen=True, slots=True)
class DataSetRow:
    """A data set.

    Attributes:
        key: Its name on the command line and in run files.
        title: Its name for people.
        summary: What it is, a few words that follow its name and a colon.
        class_names: In the order of the labels.
        image_size: Height and width in pixels, as stored; None for photos in files of many sizes.
        channels: As stored: 3, or 1 for grey, which is repeated in red, green and blue when the images are read.
        training_images, test_images: How many of each.
        fixed_test_set: Every copy has the same images; else the data draw decides what they show.
        downloads: What is fetched, on request; empty where the program draws the images itself.
        files: What is read then, below the set's own folder; empty for photos, of which everything unpacked is kept.
        mean, std: Of the training images' red, green and blue, in 0..1, which imported weights may expect; both None
            where they are not known.
        package: A Python package that reads it and that an ordinary installation lacks; or empty.
    """

    key: str
    title: str
    summary: str
    class_names: tuple[str, ...]
    image_size: int | None
    channels: int
    training_images: int
    test_images: int
    fixed_test_set: bool
    downloads: tuple[Download, ...]
    files: tuple[str, ...] = ()
    mean: Colour | None = None
    std: Colour | None = None
    package: str = ""

    @property
    def photos(self) -> bool:
        """Its images are files of many sizes; else they are arrays of one size."""
        return self.image_size is None

    @property
    def download_bytes(self) -> int | None:
        """Of everything that is fetched; None where the size of a file is not known."""
        sizes = [download.bytes for download in self.downloads]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def command(self) -> str:
        """The command that downloads it."""
        return f"resnet-studio data download {self.key}"


BUILTIN = DataSetRow(
    key="builtin",
    title=_("Built-in images"),
    summary=_("images the program draws itself"),
    # Neighbours (first and second, third and fourth, ...) look alike: they are what an ambiguous image shows.
    class_names=(
        "disc",
        "crescent",
        "ring",
        "spiral",
        "square",
        "checkerboard",
        "triangle",
        "star",
        "cross",
        "stripes",
    ),
    image_size=32,
    channels=3,
    training_images=12_000,
    test_images=2_400,
    fixed_test_set=False,
    downloads=(),
    files=(),
    mean=(0.5017, 0.4998, 0.5003),  # of draw 0
    std=(0.2337, 0.234, 0.2344),
)
CIFAR10 = DataSetRow(
    key="cifar10",
    title="CIFAR-10",
    summary=_("the real CIFAR-10"),
    class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    image_size=32,
    channels=3,
    training_images=50_000,
    test_images=10_000,
    fixed_test_set=True,
    downloads=(
        Download(
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", 170_498_071
        ),
    ),
    files=(
        *(f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)),
        "cifar-10-batches-py/test_batch",
        "cifar-10-batches-py/batches.meta",
    ),
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.247, 0.2435, 0.2616),
)
CIFAR100 = DataSetRow(
    key="cifar100",
    title=_("CIFAR-100"),
    summary=_("photographs of 100 kinds, 500 of each"),
    class_names=(
        "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy",
        "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock",
        "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish",
        "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion",
        "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange",
        "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
        "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk",
        "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
        "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
        "willow_tree", "wolf", "woman", "worm",
    ),
    image_size=32,
    channels=3,
    training_images=50_000,
    test_images=10_000,
    fixed_test_set=True,
    downloads=(
        Download(
            "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", 169_001_437
        ),
    ),
    files=("cifar-100-python/train", "cifar-100-python/test", "cifar-100-python/meta"),
    mean=(0.5071, 0.4865, 0.4409),
    std=(0.2673, 0.2564, 0.2762),
)  # fmt: skip
SVHN = DataSetRow(
    key="svhn",
    title=_("SVHN"),
    summary=_("digits of house numbers"),
    class_names=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
    image_size=32,
    channels=3,
    training_images=73_257,
    test_images=26_032,
    fixed_test_set=True,
    downloads=(
        Download(
            "http://ufldl.stanford.edu/housenumbers/train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794
        ),
        Download(
            "http://ufldl.stanford.edu/housenumbers/test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", 64_275_384
        ),
    ),
    files=("train_32x32.mat", "test_32x32.mat"),
    mean=(0.4377, 0.4438, 0.4728),
    std=(0.198, 0.201, 0.197),
    package="scipy",
)
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"
FASHION_MNIST = DataSetRow(
    key="fashion-mnist",
    title=_("Fashion-MNIST"),
    summary=_("grey images of clothes, 28 x 28"),
    class_names=(
        "T-shirt/top",
        _("Trouser"),
        _("Pullover"),
        _("Dress"),
        _("Coat"),
        _("Sandal"),
        _("Shirt"),
        _("Sneaker"),
        _("Bag"),
        _("Ankle boot"),
    ),
    image_size=28,
    channels=1,
    training_images=60_000,
    test_images=10_000,
    fixed_test_set=True,
    downloads=(
        Download(f"{_FASHION}/train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
        Download(f"{_FASHION}/train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe", 29_515),
        Download(f"{_FASHION}/t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79", 4_422_102),
        Download(f"{_FASHION}/t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310", 5_148),
    ),
    files=(
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ),
    mean=(0.286, 0.286, 0.286),
    std=(0.353, 0.353, 0.353),
)
STL10 = DataSetRow(
    key="stl10",
    title=_("STL-10"),
    summary=_("photographs, 96 x 96, only 500 of each kind to train on"),
    class_names=("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
    image_size=96,
    channels=3,
    training_images=5_000,
    test_images=8_000,
    fixed_test_set=True,
    downloads=(
        Download(
            "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",
            "91f7769df0f17e558f3565bffb0c7dfb",
            2_640_397_119,
        ),
    ),
    files=tuple(f"stl10_binary/{part}_{kind}.bin" for part in ("train", "test") for kind in "Xy"),
    mean=(0.4467, 0.4398, 0.4066),
    std=(0.2603, 0.2566, 0.2713),
)  # fmt: skip

IMAGENETTE = (
    DataSetRow(  # counts: the data set card of frgfm/imagenette on Hugging Face; the rest as torchvision has it
        key="imagenette",
        title=_("Imagenette"),
        summary=_("photographs of ten of ImageNet's classes, their shorter side 320"),
        class_names=(
            "tench",
            "English springer",
            "cassette player",
            "chain saw",
            "church",
            "French horn",
            "garbage truck",
            "gas pump",
            "golf ball",
            "parachute",
        ),
        image_size=None,
        channels=3,
        training_images=9_469,
        test_images=3_925,
        fixed_test_set=True,
        downloads=(
            Download(
                "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz", "3df6f0d01a2c9592104656642f5e78a3"
            ),
        ),
    )
)

DATA_SETS: tuple[DataSetRow, ...] = (
    BUILTIN,
    CIFAR10,
    CIFAR100,
    SVHN,
    FASHION_MNIST,
    STL10,
    IMAGENETTE,
)


def find_data_set(source: str) -> DataSetRow | None:
    """The row of a data source; None for a folder, for no data and for what is not known."""
    return next((row for row in DATA_SETS if row.key == source), None)


def source_choices() -> tuple[tuple[str, str], ...]:
    """Key and title of everything that images can come from, for a form; a folder's key is :data:`FOLDER` alone."""
    return (*((row.key, row.title) for row in DATA_SETS), (FOLDER, FOLDER_TITLE))


def source_names() -> str:
    """What ``--data`` may be, as a list in words."""
    return any_of((*(row.key for row in DATA_SETS), f"{FOLDER}PATH"))


def unknown_source_text(source: str) -> str:
    """The end of a sentence about a data source that is not known: what may be meant, and what there is."""
    near = nearest(source, (row.key for row in DATA_SETS))
    if near:
        return _("did you mean {near}? Choose {sources}", near=any_of(near), sources=source_names())
    return _("choose {sources}", sources=source_names())


def source_help() -> str:
    """What each of them is, a sentence each."""
    rows = " ".join(f"{row.key}: {row.summary}." for row in DATA_SETS)
    return _("{rows} {folder}PATH: your own images in class folders.", rows=rows, folder=FOLDER)


def fixed_sources() -> tuple[str, ...]:
    """The sources whose training and test images never change: a data draw says nothing there."""
    return tuple(row.key for row in DATA_SETS if row.fixed_test_set)


def is_drawn(source: str) -> bool:
    """The data draw changes which images train and test: those the program draws, and a folder's split."""
    return source not in fixed_sources()


def missing_text(row: DataSetRow) -> str:
    """The sentence where a data set is needed that was never downloaded."""
    return _(
        "{title} is not on this machine yet; fetch it once with `{command}`.", title=row.title, command=row.command
    )


def missing_package_text(row: DataSetRow) -> str:
    """The sentence where the package that reads it is not installed."""
    return _(
        "{title} is read by {package}, which is not installed; install it with `pip install {package}`.",
        title=row.title,
        package=row.package,
    )
