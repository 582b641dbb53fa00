import pytest
import torch
from torch import nn

from memscope.errors import MemscopeError
from memscope.families import classifier_of, features_and_logits, open_family


@pytest.mark.parametrize("name", ["cnn", "mlp", "airbench", "resnet8", "timm/resnet18", "timm/mobilenetv3_small_050"])
def test_penultimate_features_times_the_classifier_are_the_logits(name):
    torch.manual_seed(0)
    size = 50 if "mobilenet" in name else 4
    model = open_family(name).build(size, (28, 28, 1), 10).eval()
    images = torch.randn(3, 1, 28, 28)
    with torch.no_grad():
        features, logits = features_and_logits(model, images)
        expected = model(images)
    classifier = classifier_of(model)
    assert features.shape == (3, classifier.in_features)
    assert torch.equal(logits, expected)
    torch.testing.assert_close(features @ classifier.weight.T + classifier.bias, logits)


def test_the_classifier_is_the_one_that_the_model_names_before_the_last_linear_layer():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(6, 10)
            self.projection = nn.Linear(8, 6)

        def get_classifier(self):
            return self.head

        def forward(self, images):
            return self.head(self.projection(images.flatten(1)).relu())

    model = Named()
    assert classifier_of(model) is model.head
    assert classifier_of(nn.Sequential(model.head, model.projection)) is model.projection
    images = torch.randn(5, 2, 2, 2)
    features, _ = features_and_logits(model, images)
    torch.testing.assert_close(features, model.projection(images.flatten(1)).relu())


def test_taking_features_leaves_nothing_on_the_model():
    model = open_family("mlp").build(3, (4, 4, 1), 10)
    features_and_logits(model, torch.randn(2, 1, 4, 4))
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        features_and_logits(model, torch.randn(2, 1, 5, 5))
    assert not classifier_of(model)._forward_pre_hooks


def test_a_model_without_a_linear_classifier_is_refused():
    with pytest.raises(MemscopeError, match=r"Conv2d has no nn\.Linear layer"):
        classifier_of(nn.Conv2d(1, 10, 3))


def test_a_classifier_that_does_not_see_one_vector_per_image_is_refused():
    per_pixel = nn.Sequential(nn.Linear(4, 3), nn.Flatten())
    with pytest.raises(MemscopeError, match=r"given \[\(2, 1, 4, 4\)\] for 2 images"):
        features_and_logits(per_pixel, torch.randn(2, 1, 4, 4))
