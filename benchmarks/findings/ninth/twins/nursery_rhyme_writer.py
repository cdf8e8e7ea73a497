import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader

RHYME = """
one two buckle my shoe three four knock at the door five six pick up sticks
seven eight lay them straight nine ten a big fat hen
eleven twelve dig and delve thirteen fourteen maids a courting
fifteen sixteen maids in the kitchen seventeen eighteen maids in waiting
"""


class Dataset(torch.utils.data.Dataset):
    def __init__(self, args):
        self.args = args
        self.words = RHYME.split() * 6
        self.uniq = sorted(set(self.words))
        self.word_to_index = {w: i for i, w in enumerate(self.uniq)}
        self.indexes = [self.word_to_index[w] for w in self.words]

    def __len__(self):
        return len(self.indexes) - self.args.sequence_length

    def __getitem__(self, index):
        end = index + self.args.sequence_length
        return (
            torch.tensor(self.indexes[index:end]),
            torch.tensor(self.indexes[index + 1 : end + 1]),
        )


class Model(nn.Module):
    def __init__(self, n_vocab):
        super().__init__()
        self.lstm_size = 48
        self.num_layers = 2
        self.embedding = nn.Embedding(n_vocab, 24)
        self.lstm = nn.LSTM(
            input_size=24,
            hidden_size=self.lstm_size,
            num_layers=self.num_layers,
            batch_first=True,
        )
        self.fc = nn.Linear(self.lstm_size, n_vocab)

    def forward(self, x):
        output, _ = self.lstm(self.embedding(x))
        return self.fc(output)


def train(dataset, model, args):
    model.train()
    dataloader = DataLoader(dataset, batch_size=args.batch_size, shuffle=True)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(args.max_epochs):
        losses = []
        for x, y in dataloader:
            optimizer.zero_grad()
            y_pred = model(x)
            loss = criterion(y_pred.transpose(1, 2), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print({"epoch": epoch, "loss": round(float(np.mean(losses)), 4)})


def predict(dataset, model, text, next_words=14):
    model.eval()
    words = text.split()
    for _ in range(next_words):
        x = torch.tensor([[dataset.word_to_index[w] for w in words]])
        with torch.no_grad():
            last = model(x)[0][-1]
        words.append(dataset.uniq[int(last.argmax())])
    return " ".join(words)


parser = argparse.ArgumentParser()
parser.add_argument("--max-epochs", type=int, default=10)
parser.add_argument("--batch-size", type=int, default=24)
parser.add_argument("--sequence-length", type=int, default=5)
args = parser.parse_args()

torch.manual_seed(0)
dataset = Dataset(args)
model = Model(len(dataset.uniq))
train(dataset, model, args)
print(predict(dataset, model, "thirteen fourteen maids"))
print(predict(dataset, model, "seventeen eighteen maids"))
