"""One neuron learns to tell a cross in a 3x3 picture from noise."""

import torch
import torch.nn as nn

torch.manual_seed(42)

x = torch.FloatTensor([[1, 0, 1], [0, 1, 0], [1, 0, 1]])
sample_count = 300
ratio_of_crosses = 0.33


def make_samples(count):
    pictures = torch.rand(count, 3, 3)
    crosses = int(count * ratio_of_crosses)
    pictures[count - crosses :] = x + 0.1 * torch.randn(crosses, 3, 3)
    expected = torch.zeros(count, 1)
    expected[count - crosses :] = 1
    bias = torch.ones(count, 1)
    return torch.cat((pictures.reshape(count, 9), bias), 1), expected


input_with_bias, expected_y = make_samples(sample_count)
test_input, test_y = make_samples(200)

layer1 = nn.Parameter(torch.rand(10) - 0.5)
sig = nn.Sigmoid()
lr = 1.0


def mse(y_hat, y):
    return ((y_hat - y) ** 2).mean()


def predict(inputs):
    return sig(inputs @ layer1)


def update(i):
    y_hat = predict(input_with_bias)
    loss = mse(y_hat, expected_y)
    loss.backward()
    if i % 500 == 0:
        print(f"step {i} loss {loss.item():.4f}")
    with torch.no_grad():
        layer1.sub_(lr * layer1.grad)
        layer1.grad.zero_()


for i in range(3000):
    update(i)

with torch.no_grad():
    print("weights:", layer1[:9].reshape(3, 3))
    found = predict(test_input) > 0.5
    print(f"recognised {(found == (test_y.flatten() > 0.5)).float().mean():.3f}")
