import random

import torch
from torch import nn

random.seed(42)
torch.manual_seed(42)

SPAM = "prize winner free money click offer cash urgent account lottery".split()
HAM = "meeting lunch report tomorrow project thanks schedule notes agenda draft".split()
BOTH = "please now today your the a we you for and".split()


def make_message(spam):
    own, other = (SPAM, HAM) if spam else (HAM, SPAM)
    words = random.choices(own, k=3) + random.choices(other, k=1) + random.choices(BOTH, k=6)
    random.shuffle(words)
    return words


vocabulary = {w: i for i, w in enumerate(SPAM + HAM + BOTH)}


def bag_of_words(message):
    x = torch.zeros(len(vocabulary))
    for word in message:
        x[vocabulary[word]] += 1
    return x


labels = [i % 2 for i in range(800)]
X = torch.stack([bag_of_words(make_message(label)) for label in labels])
y = torch.tensor(labels, dtype=torch.float)
X_train, X_test, y_train, y_test = X[:600], X[600:], y[:600], y[600:]


class SpamModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = nn.Linear(in_features=len(vocabulary), out_features=10)
        self.layer_2 = nn.Linear(in_features=10, out_features=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.layer_2(self.relu(self.layer_1(x)))


def accuracy_fn(y_true, y_pred):
    correct = torch.eq(y_true, y_pred).sum().item()
    return correct / len(y_pred) * 100


model_0 = SpamModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(params=model_0.parameters(), lr=0.05)

epochs = 60
for epoch in range(epochs):
    model_0.train()
    y_logits = model_0(X_train)
    y_pred = torch.softmax(y_logits, dim=1).argmax(dim=1)
    loss = loss_fn(y_logits.squeeze(), y_train)
    acc = accuracy_fn(y_true=y_train, y_pred=y_pred)

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    model_0.eval()
    with torch.inference_mode():
        test_logits = model_0(X_test)
        test_pred = torch.softmax(test_logits, dim=1).argmax(dim=1)
        test_loss = loss_fn(test_logits.squeeze(), y_test)
        test_acc = accuracy_fn(y_true=y_test, y_pred=test_pred)

    if epoch % 10 == 0:
        print(
            f"Epoch: {epoch} | Loss: {loss:.5f}, Acc: {acc:.2f}% | "
            f"Test Loss: {test_loss:.5f}, Test Acc: {test_acc:.2f}%"
        )
print(f"final test accuracy {test_acc:.2f}%")
