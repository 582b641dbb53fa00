"""A stand-in for the package resmem, with its interface and none of its code: a small network with fixed weights."""

import torch
from torch import nn
from torchvision import transforms

transformer = transforms.Compose([transforms.Resize((256, 256)), transforms.CenterCrop(227), transforms.ToTensor()])


class ResMem(nn.Module):
    def __init__(self, learning_rate=1e-5, momentum=0.9, cruise_altitude=384, pretrained=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 11, stride=16)
        self.dropout = nn.Dropout(0.5)  # which would show if nobody had called eval()
        self.last = nn.Linear(4 * 14 * 14, 1)
        if pretrained:
            for number, values in enumerate(self.parameters()):
                places = torch.arange(values.numel(), dtype=torch.float32).reshape(values.shape)
                values.data = torch.sin(places * (number + 1)) / 10

    def forward(self, images):
        features = torch.relu(self.conv(images)).view(-1, 784)
        return torch.sigmoid(self.last(self.dropout(features)))
