import json
import subprocess
import sys

import pytest
import torch

from memscope.errors import OptionError
from memscope.families import check_sizes, open_family
from memscope.families.timm_networks import patch_size

KINDS = [
    # one member of each kind, and the ResNet stems that timm has: plain, deep, tiered, with grouped convolutions
    ("timm/resnet18", (2, 4)),
    ("timm/resnet10t", (8, 16)),
    ("timm/resnet26d", (2, 4)),
    ("timm/resnext50_32x4d", (16,)),
    ("timm/vit_tiny_patch16_224", (16, 32)),
    ("timm/convnext_atto", (2, 4)),
    ("timm/densenet121", (2, 4)),
    ("timm/mobilenetv3_small_100", (50, 75)),
    ("timm/lcnet", (35, 50)),
]


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(("name", "widths"), KINDS)
def test_every_kind_grows_with_its_width_and_trains_on_small_images(name, widths):
    family = open_family(name)
    assert (family.name, family.axis, family.fixed) == (name, "width", None)
    check_sizes(family, widths)
    grown = []
    for shape, width in zip([(28, 28, 1), (32, 32, 3)], [widths[0], widths[-1]], strict=True):
        torch.manual_seed(0)
        model = family.build(width, shape, 10).to(memory_format=torch.channels_last)
        grown.append(parameters(model))
        images = torch.randn(4, shape[2], *shape[:2]).to(memory_format=torch.channels_last)
        before = torch.cat([p.detach().flatten() for p in model.parameters()])
        torch.nn.functional.cross_entropy(model(images), torch.arange(4)).backward()
        torch.optim.SGD(model.parameters(), lr=0.01).step()
        after = torch.cat([p.detach().flatten() for p in model.parameters()])
        assert after.isfinite().all()
        assert not torch.equal(before, after)
        with torch.no_grad():
            assert model.eval()(images[:1]).shape == (1, 10)
    assert grown[1] > (1.3 if len(widths) > 1 else 1) * grown[0]


@pytest.mark.parametrize(
    ("architecture", "width"),
    [("resnet18", 64), ("resnet26d", 64), ("resnet10t", 64), ("convnext_atto", 40), ("densenet121", 32)],
)
def test_at_the_width_of_the_original_the_network_is_the_original(architecture, width):
    family = open_family(f"timm/{architecture}")
    import timm

    with torch.device("meta"):
        ours = family.build(width, (224, 224, 3), 1000).state_dict()
        theirs = timm.create_model(architecture).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {n: v.shape for n, v in theirs.items()}


def test_the_stem_of_a_resnet_scales_with_its_width():
    model = open_family("timm/resnet18").build(4, (32, 32, 3), 10)
    assert (model.conv1.kernel_size, model.conv1.out_channels) == ((7, 7), 4)
    assert [stage[0].conv1.out_channels for stage in (model.layer1, model.layer2, model.layer4)] == [4, 8, 32]


@pytest.mark.parametrize(
    ("sides", "largest", "expected"),
    [((28, 28), 16, 4), ((32, 32), 16, 4), ((64, 64), 16, 8), ((224, 224), 16, 16), ((48, 64), 16, 4), ((5, 5), 16, 1)],
)
def test_patches_divide_the_image_and_are_at_most_a_seventh_of_it(sides, largest, expected):
    assert patch_size(*sides, largest) == expected


def test_the_heads_of_a_vit_have_16_units_at_every_width():
    model = open_family("timm/vit_tiny_patch16_224").build(48, (28, 28, 1), 10)
    assert {(block.attn.num_heads, block.attn.head_dim) for block in model.blocks} == {(3, 16)}
    assert model.patch_embed.num_patches == 49


@pytest.mark.parametrize("name", ["timm/resnet18", "timm/vit_tiny_patch16_224", "timm/densenet121"])
def test_the_seed_of_torch_decides_every_initial_weight_and_opening_draws_none(name):
    def initial(open_first):
        family = open_family(name) if open_first else None
        torch.manual_seed(3)
        family = family or open_family(name)
        return torch.cat([p.flatten() for p in family.build(16, (28, 28, 1), 10).parameters()])

    assert torch.equal(initial(open_first=True), initial(open_first=False))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm/resnet999", r"has no model 'resnet999'; timm.list_models"),
        ("timm/regnety_002", r"no width that memscope can set; ResNet, ViT, ConvNeXt, DenseNet and MobileNetV3"),
        ("timm/fbnetv3_b", r"no width that memscope can set"),
    ],
)
def test_a_network_that_timm_lacks_or_that_has_no_width_is_refused(name, message):
    with pytest.raises(OptionError, match=message):
        open_family(name)


@pytest.mark.parametrize(
    ("name", "width", "message"),
    [
        ("timm/resnet18", 3, r"width 3 cannot be built: the widths of timm/resnet18 are multiples of 2"),
        ("timm/resnext50_32x4d", 8, r"multiples of 16"),
        ("timm/vit_tiny_patch16_224", 24, r"heads of 16 units, are multiples of 16"),
        ("timm/mobilenetv3_small", 35, r"percentages that timm has: 50, 75, 100"),
        ("timm/convnext_atto", 0, r"a size is at least 1"),
    ],
)
def test_a_width_that_the_network_cannot_have_is_refused(name, width, message):
    with pytest.raises(OptionError, match=message):
        check_sizes(open_family(name), [width])


def test_images_too_small_for_a_network_are_refused():
    with pytest.raises(OptionError, match=r"images are 12x20; timm/densenet121 needs sides of at least 16"):
        open_family("timm/densenet121").build(4, (12, 20, 3), 10)
    with pytest.raises(OptionError, match=r"needs sides of at least 32"):
        open_family("timm/convnext_atto_ols").build(8, (28, 28, 1), 10)


def in_a_new_process(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_torchvision_of_another_build_is_imported_and_a_second_import_does_nothing():
    seen = in_a_new_process(
        """
import json, sys
try:
    import torchvision
    plain = "imported"
except RuntimeError as error:
    plain = str(error)
from memscope import torchvision_import
torchvision_import.mend_torchvision()
import torchvision
declared = len(torchvision_import._declared)
before = dict(sys.modules)
torchvision_import.mend_torchvision()
import torchvision
again = len(torchvision_import._declared)
import timm
print(json.dumps([plain, declared, again, before == {n: sys.modules[n] for n in before}, timm.__name__]))
"""
    )
    plain, declared, declared_again, same_modules, timm_name = seen
    if plain == "imported":
        assert declared == 0  # nothing to mend in this environment, and nothing was mended
    else:
        assert plain == "operator torchvision::nms does not exist"
        assert declared == 1
    assert (declared_again, same_modules, timm_name) == (declared, True, "timm")


NEEDS_NMS = """
import torch
from torchvision import part
if not hasattr(torch.ops.torchvision, "nms") or not hasattr(torch.ops.torchvision, "qnms"):
    raise RuntimeError("operator torchvision::nms does not exist")
"""


def test_only_the_missing_operators_are_mended_and_other_failures_stay_visible(tmp_path):
    missing = "operator torchvision::nms does not exist"
    cases = [  # what a torchvision does when it is imported, how that ends, how often operators were declared
        ("", "imported", 0),
        (NEEDS_NMS, "imported", 1),
        ("raise RuntimeError('CUDA versions differ')", "RuntimeError: CUDA versions differ", 0),
        ("raise ImportError('libjpeg')", "ImportError: libjpeg", 0),
        (NEEDS_NMS + "raise ValueError('something else')", "ValueError: something else", 1),
        (f"raise RuntimeError({missing!r})", f"RuntimeError: {missing}", 1),
    ]
    for number, (source, _, _) in enumerate(cases):
        package = tmp_path / str(number) / "torchvision"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(source)
        (package / "part.py").write_text("")
    # Each case in a fork of one process: torch is imported once, and no declaration outlives its case.
    ended = in_a_new_process(f"""
import json, os, sys
import torch
from memscope import torchvision_import
torchvision_import.mend_torchvision()
for number in range({len(cases)}):
    child = os.fork()
    if child == 0:
        folder = os.path.join({str(tmp_path)!r}, str(number))
        sys.path.insert(0, folder)
        try:
            import torchvision
            outcome = "imported"
        except Exception as error:
            outcome = type(error).__name__ + ": " + str(error)
        with open(os.path.join(folder, "ended.json"), "w") as file:
            json.dump([outcome, len(torchvision_import._declared)], file)
        os._exit(0)
    os.waitpid(child, 0)
print(json.dumps([json.load(open(os.path.join({str(tmp_path)!r}, str(n), "ended.json"))) for n in range({len(cases)})]))
""")
    assert ended == [[outcome, declared] for _, outcome, declared in cases]


USERS_MODULES = {
    "at_top": "import torchvision\ndef f(): return torchvision.models.resnet18",
    "inside": "def f():\n    from torchvision.models import resnet18\n    return resnet18",
    "through_another": "from library import resnet18\ndef f(): return resnet18",
    "library": "from torchvision.models import resnet18",
    "caught": "try: from torchvision import models\nexcept Exception: models = None\ndef f(): return models.resnet18",
}


@pytest.mark.parametrize("module", [name for name in USERS_MODULES if name != "library"])
def test_users_modules_import_torchvision_at_their_top_inside_a_function_or_through_another(tmp_path, module):
    """In an environment like ours, whose torchvision does not fit its torch; elsewhere nothing is to be mended."""
    for name, source in USERS_MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    seen = in_a_new_process(f"""
import json, os
os.chdir({str(tmp_path)!r})
from memscope.imports import import_function
function = import_function("{module}:f", "family", "")
print(json.dumps(function().__name__))
""")
    assert seen == "resnet18"


def test_a_trainer_that_imports_torchvision_when_it_is_called_trains_in_worker_processes(tiny_choices, tmp_path):
    (tmp_path / "with_torchvision.py").write_text(
        "import numpy as np\n"
        "def train(data, subset, seeds, size):\n"
        "    from torchvision.transforms import RandomCrop\n"
        "    return np.concatenate([data.train_labels, data.test_labels]), None\n"
    )
    ended = in_a_new_process(f"""
import json, os
os.chdir({str(tmp_path)!r})
from memscope.steps.train_family import train_family
from memscope.work.carrying_out import WorkOptions
from memscope.work.options import Choices
if __name__ == "__main__":
    choices = Choices(data={tiny_choices.data!r}, trainer="with_torchvision:train", widths=(1,), models=10)
    report = train_family("run", choices, WorkOptions(device="cpu", workers=1))
    print(json.dumps([report.trained, [task.reason for task in report.failed]]))
""")
    assert ended == [10, []]
