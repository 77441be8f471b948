"""Small nets of PyTorch on the CPU: tensors in and out."""

from __future__ import annotations

import torch
from mlflow.models import infer_signature
from sklearn import datasets
from torch import nn

from .ordinary import SEED, Ordinary


def digits_perceptron() -> Ordinary:
    """Two layers on flat images."""
    net = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    return _fitted(net, (-1, 64))


def digits_convolution() -> Ordinary:
    """A convolution on square images, with dropout and batch normalization, which only training uses."""
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(), nn.Linear(8 * 4 * 4, 10), nn.Softmax(dim=1)),
    )
    return _fitted(net, (-1, 1, 8, 8))


def _fitted(net: nn.Module, shape: tuple[int, ...]) -> Ordinary:
    torch.manual_seed(SEED)
    images, target = datasets.load_digits(return_X_y=True)
    inputs = torch.tensor(images / 16, dtype=torch.float32).reshape(shape)
    optimizer, loss = torch.optim.Adam(net.parameters(), lr=0.01), nn.CrossEntropyLoss()
    for _ in range(30):
        optimizer.zero_grad()
        loss(net(inputs), torch.tensor(target)).backward()
        optimizer.step()
    net.eval()
    example = inputs[:4].numpy()
    with torch.no_grad():
        signature = infer_signature(example, net(inputs[:4]).numpy())
    return Ordinary(flavor="pytorch", model=net, example=example, signature=signature)


MODELS = (digits_perceptron, digits_convolution)
