import argparse

import torch
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def parse():
    parser = argparse.ArgumentParser(description="progression of diabetes after one year")
    parser.add_argument("--epochs", default=60, type=int)
    parser.add_argument("--batch", default=32, type=int)
    parser.add_argument("--lr", default=0.005, type=float)
    parser.add_argument("--seed", default=0, type=int)
    return parser.parse_args()


def load(seed):
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)
    x_scaler = StandardScaler().fit(X_train)
    y_mean, y_std = y_train.mean(), y_train.std()
    train = torch.utils.data.TensorDataset(
        torch.tensor(x_scaler.transform(X_train)).float(),
        torch.tensor((y_train - y_mean) / y_std).float(),
    )
    return train, torch.tensor(x_scaler.transform(X_test)).float(), (y_test - y_mean) / y_std


def build(n_features):
    return torch.nn.Sequential(
        torch.nn.Linear(n_features, 24),
        torch.nn.ReLU(),
        torch.nn.Linear(24, 1),
    )


def main():
    args = parse()
    torch.manual_seed(args.seed)
    train, X_test, y_test = load(args.seed)
    loader = torch.utils.data.DataLoader(train, batch_size=args.batch, shuffle=True)
    model = build(X_test.shape[1])
    loss_func = torch.nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

    for epoch in range(args.epochs):
        epoch_loss = 0.0
        for features, target in loader:
            optimizer.zero_grad()
            yhat = model(features)
            loss_val = loss_func(yhat, target)
            loss_val.backward()
            optimizer.step()
            epoch_loss += loss_val.item()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: mse {epoch_loss / len(loader):.4f}")

    model.eval()
    with torch.no_grad():
        prediction = model(X_test).flatten().numpy()
    print(f"R2 on the test patients: {r2_score(y_test, prediction):.3f}")


if __name__ == "__main__":
    main()
