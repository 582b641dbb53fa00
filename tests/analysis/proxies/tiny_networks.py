"""Tiny networks of every kind of layer that proxies meet, with batch normalisation that has seen some data."""

import torch
from torch import nn
from torch.nn import functional

CLASSES = 4


class Residual(nn.Module):
    """A convolution beside a shortcut, and a function in place of a module for the ReLU."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3))

    def forward(self, maps):
        return functional.relu(maps + self.convolution(maps), inplace=True)


def convolutional():
    layers = [nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(3), nn.ReLU(inplace=True), Residual()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(3, CLASSES))


def perceptron():
    layers = [nn.Flatten(), nn.Linear(72, 5, bias=False), nn.BatchNorm1d(5), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(5, CLASSES))


def tiny(build, precision=torch.float64, examples=11):
    """A network in training mode, inputs [examples, 2, 6, 6] and labels."""
    torch.manual_seed(5)
    network, inputs = build().to(precision), torch.randn(examples, 2, 6, 6, dtype=precision)
    for _ in range(3):
        network(torch.randn(16, 2, 6, 6, dtype=precision) * 2 + 1)  # running statistics
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.normal_(layer.bias)
    return network, inputs, torch.arange(examples) % CLASSES
