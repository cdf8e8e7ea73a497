import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.optim.lr_scheduler import StepLR

settings = {"lr": 0.05, "epochs": 30, "decay_every_epochs": 10, "decay": 0.3, "batch": 20}


def load():
    bunch = load_diabetes()
    rng = np.random.default_rng(0)
    order = rng.permutation(len(bunch.target))
    x, y = bunch.data[order] * 20, bunch.target[order]
    x = torch.tensor(x, dtype=torch.float32)
    y = torch.tensor((y - 152) / 77, dtype=torch.float32).unsqueeze(1)
    return x[:360], y[:360], x[360:], y[360:]


def main():
    torch.manual_seed(0)
    x_train, y_train, x_val, y_val = load()
    model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=settings["lr"])
    scheduler = StepLR(optimizer, settings["decay_every_epochs"], gamma=settings["decay"])
    mse = nn.MSELoss()
    for epoch in range(settings["epochs"]):
        epoch_loss = []
        for batch in torch.randperm(len(x_train)).split(settings["batch"]):
            optimizer.zero_grad()
            loss = mse(model(x_train[batch]), y_train[batch])
            loss.backward()
            optimizer.step()
            epoch_loss.append(loss.item())
        scheduler.step()
        if epoch % 5 == 4:
            with torch.no_grad():
                val = mse(model(x_val), y_val).item()
            print(f"epoch {epoch + 1}: train {np.mean(epoch_loss):.3f} val {val:.3f}")


if __name__ == "__main__":
    main()
