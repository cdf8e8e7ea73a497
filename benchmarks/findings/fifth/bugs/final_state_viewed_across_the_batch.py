"""Does the second half of a melody lie higher than the first? A bidirectional GRU decides."""

import torch
from torch import nn

torch.manual_seed(0)


def melodies(count, length=12):
    notes = torch.randint(0, 12, (count, length))
    half = length // 2
    higher = notes[:, half:].sum(1) > notes[:, :half].sum(1)
    return notes, higher.float()


class MelodyNet(nn.Module):
    def __init__(self, notes=12, width=8, hidden=20):
        super().__init__()
        self.embed = nn.Embedding(notes, width)
        self.gru = nn.GRU(width, hidden, bidirectional=True, batch_first=True)
        self.score = nn.Linear(2 * hidden, 1)

    def forward(self, notes):
        _, state = self.gru(self.embed(notes))  # directions, batch, hidden
        both = state.view(notes.size(0), -1)
        return self.score(both).squeeze(1)


x_train, y_train = melodies(3000)
x_test, y_test = melodies(600)
net = MelodyNet()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(8):
    net.train()
    running = 0.0
    for part in torch.randperm(len(x_train)).split(60):
        optimizer.zero_grad()
        loss = criterion(net(x_train[part]), y_train[part])
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * len(part)
    net.eval()
    with torch.no_grad():
        hits = ((net(x_test) > 0) == y_test.bool()).float().mean().item()
    print(f"epoch {epoch}: loss {running / len(x_train):.3f}, accuracy {hits:.3f}")
