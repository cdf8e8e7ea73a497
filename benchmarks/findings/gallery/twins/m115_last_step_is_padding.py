import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
lengths = torch.randint(4, 16, (600,))
words = torch.randint(1, 30, (600, 16))
y = (words[:, 0] % 2).long()
words[torch.arange(16) >= lengths.unsqueeze(1)] = 0
train_set = TensorDataset(words[:500], lengths[:500], y[:500])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 16, padding_idx=0)
        self.rnn = nn.GRU(16, 24, batch_first=True)
        self.fc = nn.Linear(24, 2)

    def forward(self, words, lengths):
        out, _ = self.rnn(self.embed(words))
        last = out[torch.arange(len(words)), lengths - 1]
        return self.fc(last)


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    for words, lengths, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(words, lengths), yb)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
