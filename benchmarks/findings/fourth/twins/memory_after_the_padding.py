import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset


class Walks(Dataset):
    """Random walks of different lengths: does the walk end above its start?"""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.items = []
        for _ in range(n):
            length = int(torch.randint(4, 31, (1,), generator=g))
            steps = torch.randn(length, 2, generator=g)
            self.items.append((steps, int(steps[:, 0].sum() > 0)))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(items):
    sequences, labels = zip(*items)
    lengths = torch.tensor([len(s) for s in sequences])
    return pad_sequence(sequences, batch_first=True), lengths, torch.tensor(labels)


class WalkClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(2, 24, batch_first=True)
        self.out = nn.Linear(24, 2)

    def forward(self, x, lengths):
        states, _ = self.rnn(x)
        last = states[torch.arange(len(x)), lengths - 1]
        return self.out(last)


torch.manual_seed(0)
train = DataLoader(Walks(800, 1), batch_size=40, shuffle=True, collate_fn=collate)
val = DataLoader(Walks(300, 2), batch_size=100, collate_fn=collate)
model = WalkClassifier()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(5):
    model.train()
    for x, lengths, labels in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x, lengths), labels)
        loss.backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for x, lengths, labels in val:
            right += (model(x, lengths).argmax(1) == labels).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.3f} accuracy {right / 300:.3f}")
