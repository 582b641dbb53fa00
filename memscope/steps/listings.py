"""`memscope datasets` and `memscope families`: what there is, with a line each. Nothing is loaded for it."""

from memscope.reports.listings import DataForm, DatasetsReport, FamiliesReport, FamilyKind

FAMILIES = (
    ("cnn", "1, 2, 4, ...", "small, convolutional; the default", True),
    ("mlp", "1, 2, 4, ...", "two hidden layers (or --depths)", True),
    ("airbench", "1, 2, 4, ...", "for GPUs; sides from 9", False),
    ("resnet8 to resnet110", "1, 2, 4, ...", "CIFAR's ResNets; 16 is the paper's", True),
    ("resnet", "--depths 8,14,20 --width 16", "growing in depth", True),
    ("timm/resnet18", "multiples of 2 (64: timm's)", "timm's ResNets", False),
    ("timm/vit_tiny_patch16_224", "multiples of 16", "timm's vision transformers", False),
    ("timm/convnext_atto", "1, 2, 4, ...", "timm's ConvNeXts; sides from 8", False),
    ("timm/densenet121", "growth rates 1, 2, ...", "timm's DenseNets", False),
    ("timm/mobilenetv3_small_100", "percentages", "timm's MobileNetV3s", False),
    ("package.module:function", "yours", "function(size, image_shape, num_classes)", False),
)
"""How a family is called, its widths (or how other sizes are given), what it is for, whether lanes train it"""


def datasets() -> DatasetsReport:
    """The data sets that come with memscope, and the forms in which others are given."""
    from memscope.datasets import FORMS
    from memscope.datasets.bundled import ABOUT
    from memscope.datasets.torchvision_sets import EVERY

    bundled = tuple(DataForm(form=name, about=about, names=()) for name, about in ABOUT.items())
    others = tuple(
        DataForm(form=form, about=about, names=tuple(EVERY) if form.startswith("torchvision:") else ())
        for form, about in FORMS.items()
        if form not in ABOUT
    )
    return DatasetsReport(bundled=bundled, forms=others)


def families() -> FamiliesReport:
    """The families that there are."""
    return FamiliesReport(
        families=tuple(
            FamilyKind(family=name, sizes=sizes, about=about, lanes=lanes) for name, sizes, about, lanes in FAMILIES
        )
    )
