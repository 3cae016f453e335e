"""Start ResNet Studio from a checkout: ``python main.py`` does what ``resnet-studio`` does."""

from resnet_studio.__main__ import main

if __name__ == "__main__":
    main()
