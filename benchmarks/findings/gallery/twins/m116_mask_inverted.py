import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
lengths = torch.randint(4, 12, (600,))
words = torch.randint(1, 30, (600, 12))
y = (words[:, 0] + words[:, 1] > 30).long()
words[torch.arange(12) >= lengths.unsqueeze(1)] = 0
train_set = TensorDataset(words[:500], y[:500])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.fc = nn.Linear(16, 2)

    def forward(self, words):
        h = self.embed(words)
        mask = words == 0
        h, _ = self.attention(h, h, h, key_padding_mask=mask)
        keep = (words != 0).unsqueeze(-1)
        return self.fc((h * keep).sum(1) / keep.sum(1))


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    for words, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(words), yb)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
