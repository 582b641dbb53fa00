import subprocess
import sys

import pytest
import torch
from torch import nn

from memscope.errors import OptionError
from memscope.families import check_sizes, open_family
from memscope.families.pointwise import StridedPointwise, with_safe_strides

GREY, COLOUR = (28, 28, 1), (32, 32, 3)


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def images(shape, count=4):
    height, width, channels = shape
    return torch.randn(count, channels, height, width).to(memory_format=torch.channels_last)


def test_resnet20_of_width_16_has_the_parameters_of_the_paper():
    # Weights of 3x3 convolutions: stem, 6 at 16 channels, 1 + 5 at 32, 1 + 5 at 64; the classifier; then scale
    # and shift of batch normalisation after each convolution; then the two projections with theirs.
    stages = 9 * (3 * 16 + 6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64)
    normalisation = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    projections = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    expected = stages + normalisation + projections + 64 * 10 + 10
    assert round((expected - projections) / 1e6, 2) == 0.27  # table 6 of He et al.; their shortcuts are free

    assert parameters(open_family("resnet20").build(16, COLOUR, 10)) == expected


@pytest.mark.parametrize("depth", [8, 14, 20, 32, 44, 56, 110])
def test_the_depth_of_a_resnet_counts_its_layers_with_weights_beside_the_shortcuts(depth):
    model = open_family(f"resnet{depth}").build(2, COLOUR, 10)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert sum(1 for layer in layers if getattr(layer, "kernel_size", None) != (1, 1)) == depth


def test_a_resnet_along_depth_is_the_resnet_of_that_depth_along_width():
    along_depth = open_family("resnet", axis="depth", fixed=4)
    torch.manual_seed(5)
    one = along_depth.build(14, GREY, 7).state_dict()
    torch.manual_seed(5)
    other = open_family("resnet14").build(4, GREY, 7).state_dict()
    assert (along_depth.axis, along_depth.fixed) == ("depth", 4)
    assert list(one) == list(other)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_family_opens_again_from_what_it_says_of_itself():
    for name in ("resnet20", "mlp", "cnn"):
        family = open_family(name)
        again = open_family(family.name, axis=family.axis, fixed=family.fixed)
        assert (again.name, again.axis, again.fixed) == (family.name, family.axis, family.fixed)
    assert open_family("resnet20").fixed == 20
    assert open_family("mlp").fixed == 2
    assert open_family("cnn").fixed is None


def test_an_mlp_has_as_many_hidden_layers_as_its_depth():
    for depth, model in (
        (2, open_family("mlp").build(5, GREY, 10)),
        (3, open_family("mlp3").build(5, GREY, 10)),
        (4, open_family("mlp", axis="depth", fixed=5).build(4, GREY, 10)),
    ):
        expected = 784 * 5 + (depth - 1) * 5 * 5 + depth * 2 * 5 + 5 * 10 + 10
        assert parameters(model) == expected


def test_a_cnn_of_width_w_has_the_channels_it_says():
    w = 6
    convolutions = 9 * (1 * w + w * 2 * w + 2 * w * 2 * w + 2 * w * 4 * w + 4 * w * 4 * w)
    normalisation = 2 * (w + 2 * w + 2 * w + 4 * w + 4 * w)
    assert parameters(open_family("cnn").build(w, GREY, 10)) == convolutions + normalisation + 4 * w * 10 + 10


@pytest.mark.parametrize("name", ["cnn", "mlp", "airbench", "resnet8"])
@pytest.mark.parametrize("shape", [GREY, COLOUR, (64, 48, 3)])
def test_every_built_in_family_trains_and_predicts_at_every_image_shape(name, shape):
    model = open_family(name).build(2, shape, 13).to(memory_format=torch.channels_last)
    logits = model(images(shape))
    assert logits.shape == (4, 13)
    logits.logsumexp(1).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    model.eval()
    assert model(images(shape, 1)).shape == (1, 13)


@pytest.mark.parametrize("name", ["cnn", "mlp", "airbench", "resnet8"])
def test_the_seed_of_torch_decides_every_initial_weight(name):
    def initial(seed):
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in open_family(name).build(4, GREY, 10).parameters()])

    assert torch.equal(initial(1), initial(1))
    assert not torch.equal(initial(1), initial(2))


@pytest.mark.parametrize("name", ["cnn", "mlp", "airbench", "resnet8"])
def test_only_the_classifier_has_a_bias_beside_batch_normalisation_and_nothing_drops_out(name):
    model = open_family(name).build(4, GREY, 10)
    biased = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m.bias is not None]
    assert [type(layer) for layer in biased] == [nn.Linear]
    assert not any(isinstance(layer, nn.Dropout) for layer in model.modules())


@pytest.mark.parametrize("name", ["cnn", "mlp", "resnet8"])
def test_initial_weights_have_hes_variance_of_two_over_fan_out(name):
    torch.manual_seed(0)
    model = open_family(name).build(32, COLOUR, 10)
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear) and m.bias is None]
    assert len(layers) >= 2
    for layer in layers:
        fan_out = layer.weight.shape[0] * layer.weight[0, 0].numel()
        # The standard error of a variance of n normal draws is sqrt(2/n) of it; five of them.
        tolerance = 5 * (2 / layer.weight.numel()) ** 0.5
        assert float(layer.weight.detach().var()) == pytest.approx(2 / fan_out, rel=tolerance)


def test_a_strided_1x1_convolution_is_replaced_by_an_equal_one():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(8, 12, 1, stride=2, groups=2), nn.Conv2d(12, 3, 3, stride=2))
    maps = torch.randn(2, 8, 9, 7, requires_grad=True)
    expected = plain(maps)
    expected_gradient = torch.autograd.grad(expected.square().sum(), maps)[0]
    weights = plain.state_dict()

    safe = with_safe_strides(plain)
    assert [type(layer) for layer in safe] == [StridedPointwise, nn.Conv2d]
    assert all(torch.equal(value, weights[name]) for name, value in safe.state_dict().items())
    torch.testing.assert_close(safe(maps), expected)
    gradient = torch.autograd.grad(safe(maps).square().sum(), maps)[0]
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("name", ["cnn", "resnet8", "timm/resnet18", "timm/resnet10t", "timm/mobilenetv3_small"])
def test_no_family_has_a_strided_1x1_convolution_but_the_safe_one(name):
    model = open_family(name).build(50 if "mobilenet" in name else 8, GREY, 10)
    pointwise = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (1, 1)]
    strided = [layer for layer in pointwise if layer.stride != (1, 1)]
    assert all(isinstance(layer, StridedPointwise) for layer in strided)
    assert len(strided) == {"resnet8": 2, "timm/resnet18": 3}.get(name, 0)


def test_narrow_resnets_have_the_gradients_of_float64_in_channels_last():
    # With nn.Conv2d in the shortcuts this ends the process, or gives wrong gradients, on an AVX2 machine.
    torch.manual_seed(0)
    model = open_family("resnet8").build(2, COLOUR, 10)
    exact = open_family("resnet8").build(2, COLOUR, 10).double()
    exact.load_state_dict(model.state_dict())
    model, batch = model.to(memory_format=torch.channels_last), images(COLOUR, 8)
    model(batch).square().sum().backward()
    exact(batch.double().contiguous()).square().sum().backward()
    for ours, theirs in zip(model.parameters(), exact.parameters(), strict=True):
        scale = float(theirs.grad.abs().max()) + 1e-3
        torch.testing.assert_close(ours.grad.double() / scale, theirs.grad / scale, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnext", {}, r"no family 'resnext'; there are cnn, mlp, airbench, resnet8, .*timm/NAME"),
        ("cnn20", {}, r"no family 'cnn20'"),
        ("cnn", {"axis": "height"}, r"the axis is 'height'.*width or depth"),
        ("resnet", {}, r"name the depth: resnet20"),
        ("resnet20", {"axis": "depth", "fixed": 16}, r"has one depth; along depth the family is resnet"),
        ("resnet", {"axis": "depth"}, r"needs the one width"),
        ("resnet", {"axis": "depth", "fixed": 0}, r"width 0 cannot be built: a size is at least 1"),
        ("cnn", {"axis": "depth", "fixed": 16}, r"no sizes along depth; choose widths"),
        ("cnn", {"fixed": 3}, r"no depth to fix"),
        ("resnet21", {}, r"depth 21 cannot be built.*6n\+2"),
        ("resnet2", {}, r"depth 2 cannot be built.*6n\+2"),
        ("resnet20", {"fixed": 14}, r"has the depth 20"),
        ("timm/resnet18", {"axis": "depth"}, r"no sizes along depth"),
        ("timm/resnet18", {"fixed": 3}, r"leave out the fixed depth 3"),
        ("nowhere_at_all:build", {}, r"cannot be imported \(ModuleNotFoundError.*importable module"),
        ("nets.py:build", {}, r"name the module and not its file: nets:build$"),
        ("./my/nets.py:build", {}, r"name the module and not its file: nets:build, called in my$"),
        ("math:", {}, r"not of the form package.module:function"),
        ("math:no_such", {}, r"math has no no_such"),
        ("math:pi", {}, r"math has a float, not a function, as pi"),
        ("math:sin", {"fixed": 3}, r"takes one size"),
    ],
)
def test_a_family_that_cannot_be_is_refused_in_one_line(name, options, message):
    with pytest.raises(OptionError, match=message) as refused:
        open_family(name, **options)
    assert "\n" not in str(refused.value)


def test_what_a_users_module_lacks_is_to_be_installed(tmp_path, monkeypatch):
    (tmp_path / "networks_that_lack.py").write_text("import nowhere_at_all.deeper\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OptionError, match=r"it imports nowhere_at_all: install that$"):
        open_family("networks_that_lack:build")


@pytest.mark.parametrize(
    ("family", "sizes", "message"),
    [
        (open_family("cnn"), (4, 0), r"family cnn of width 0 cannot be built"),
        (open_family("resnet", axis="depth", fixed=4), (8, 14, 18), r"family resnet of depth 18 .*6n\+2"),
        (open_family("mlp", axis="depth", fixed=4), (0,), r"family mlp of depth 0 cannot be built"),
    ],
)
def test_sizes_that_a_family_does_not_have_are_refused(family, sizes, message):
    with pytest.raises(OptionError, match=message):
        check_sizes(family, sizes)


def test_sizes_that_a_family_has_pass():
    check_sizes(open_family("cnn"), (2, 3, 64))
    check_sizes(open_family("resnet", axis="depth", fixed=4), (8, 14, 110))


def test_a_users_own_function_is_a_family(tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(
        "from torch import nn\n"
        "def linear(size, image_shape, num_classes):\n"
        "    height, width, channels = image_shape\n"
        "    inputs = height * width * channels\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, size), nn.Linear(size, num_classes))\n"
        "def number(size, image_shape, num_classes):\n"
        "    return size\n"
    )
    (tmp_path / "broken_networks.py").write_text("raise RuntimeError('no luck\\ntoday')\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)  # found there although the directory is not on the path

    family = open_family("own_networks:linear")
    assert (family.name, family.axis, family.fixed) == ("own_networks:linear", "width", None)
    assert open_family("own_networks:linear", axis="depth").axis == "depth"
    check_sizes(family, [3])
    assert parameters(family.build(3, (4, 5, 2), 7)) == 40 * 3 + 3 + 3 * 7 + 7
    with pytest.raises(OptionError, match=r"gave a int for size 3; its function must return a torch.nn.Module"):
        open_family("own_networks:number").build(3, GREY, 10)
    with pytest.raises(OptionError, match=r"\(RuntimeError: no luck\)"):
        open_family("broken_networks:linear")


def test_importing_the_families_loads_neither_timm_nor_torchvision():
    program = (
        "import sys, memscope.families as families\n"
        "families.open_family('cnn').build(2, (28, 28, 1), 10)\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'timm', 'torchvision'})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
