"""Sentences on residual nets, each with who says it: the paper, or others."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.text import N_


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about the paper that is to be judged.

    Attributes:
        key: Under which an answer is kept.
        sentence: What is claimed; translated when shown, and so is ``why``.
        paper: Whether He et al. 2015 say it.
        why: Where, or what they say instead.
    """

    key: str
    sentence: str
    paper: bool
    why: str


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "degradation",
        N_("Beyond some depth, a deeper plain net has the higher training error."),
        True,
        N_("Figures 1 and 6. The paper calls it degradation."),
    ),
    Claim(
        "vanishing",
        N_("Plain nets fail because their gradients vanish, and shortcuts mend that."),
        False,
        N_(
            "Popularly said. The paper reports that its plain nets with batch norm have healthy gradients (section "
            "4.1). Your signal check has the numbers at the start."
        ),
    ),
    Claim(
        "construction",
        N_("A deeper net can do whatever a shallower one does: further layers can be the identity."),
        True,
        N_("Section 1; you have built it in lesson 4."),
    ),
    Claim(
        "projection",
        N_("Against degradation, shortcuts must have weights of their own."),
        False,
        N_(
            "Options A, B and C all do far better than the plain net and differ little from one another (Table "
            "3), so projections are not essential. A has no weights."
        ),
    ),
    Claim(
        "cause",
        N_("The paper explains why deep plain nets train badly."),
        False,
        N_("It does not: it shows that they do, and leaves the cause open."),
    ),
    Claim(
        "lesion",
        N_("A residual net does nearly as well when one block, whichever it is, is taken out."),
        False,
        N_("True of well trained ones, but others found it: Veit, Wilber and Belongie, 2016."),
    ),
)
