"""An ensemble of eight networks, trained together with stacked weights and vmap."""

import copy
import os

import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

SEED = int(os.environ.get("SEED", "0"))
torch.manual_seed(SEED)
MEMBERS, STEPS, RATE = 8, 150, 0.02
x, y = load_diabetes(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x * 20, y / 100, random_state=SEED)
x_train, x_test = torch.tensor(x_train).float(), torch.tensor(x_test).float()
y_train, y_test = torch.tensor(y_train).float(), torch.tensor(y_test).float()


def build():
    return nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))


networks = [build() for _ in range(MEMBERS)]
weights, buffers = stack_module_state(networks)
weights = {name: value.detach() for name, value in weights.items()}
skeleton = copy.deepcopy(networks[0]).to("meta")


def predict(weights, buffers, x):
    return functional_call(skeleton, (weights, buffers), (x,)).squeeze(-1)


def loss_of(weights, buffers, x, y):
    return nn.functional.mse_loss(predict(weights, buffers, x), y)


step_of = vmap(grad_and_value(loss_of), in_dims=(0, 0, 0, 0))
for step in range(1, STEPS + 1):
    rows = torch.randint(0, len(x_train), (MEMBERS, 64))
    gradients, losses = step_of(weights, buffers, x_train[rows], y_train[rows])
    weights = {name: value - RATE * gradients[name] for name, value in weights.items()}
    if step % 50 == 0:
        print(f"step {step}: losses {losses.min().item():.3f} to {losses.max().item():.3f}")

with torch.no_grad():
    guesses = vmap(predict, in_dims=(0, 0, None))(weights, buffers, x_test)
single = (guesses - y_test).square().mean(1)
together = (guesses.mean(0) - y_test).square().mean()
print(f"test error: single {single.mean().item():.3f}, ensemble {together.item():.3f}")
