import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-grad-norm", type=float, default=1.0)
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args([])
    torch.manual_seed(0)
    data = load_diabetes()
    x = torch.tensor(data.data * 20, dtype=torch.float32)
    y = torch.tensor(data.target / 10, dtype=torch.float32).unsqueeze(1)
    y[::40] = y[::40] * 20
    net = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.5)
    for _ in range(args.epochs):
        for start in range(0, 400, 20):
            opt.zero_grad()
            loss = nn.functional.mse_loss(net(x[start : start + 20]), y[start : start + 20])
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), args.max_grad_norm)
            opt.step()
    with torch.no_grad():
        error = (net(x[400:]) - y[400:]).abs().median().item()
    print(f"median error on the last patients: {error:.3f}")


if __name__ == "__main__":
    main()
