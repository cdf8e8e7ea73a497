import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Encoder(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.embed = nn.Embedding(15, 12)
        self.gru = nn.GRU(12, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, 2)

    def forward(self, tokens):
        _, state = self.gru(self.embed(tokens))
        state = state.permute(1, 0, 2).reshape(tokens.size(0), -1)
        return self.fc(state)


torch.manual_seed(0)
tokens = torch.randint(0, 15, (1200, 9))
labels = (tokens[:, 0] > tokens[:, -1]).long()
loader = DataLoader(TensorDataset(tokens[:1000], labels[:1000]), batch_size=40, shuffle=True)
net = Encoder()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(8):
    running = 0.0
    for a, b in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(a), b)
        loss.backward()
        opt.step()
        running += loss.item() * len(a)
    print(f"[{epoch}] {running / 1000:.4f}")
with torch.no_grad():
    print("test", (net(tokens[1000:]).argmax(1) == labels[1000:]).float().mean().item())
