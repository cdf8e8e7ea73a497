"""Ten films for every member of a club, from vectors of members and films."""

import torch
from torch import nn

torch.manual_seed(38)
MEMBERS, FILMS, TASTES, SHOWN = 300, 200, 6, 10

taste = torch.softmax(2 * torch.randn(MEMBERS, TASTES), 1)
genre = torch.softmax(3 * torch.randn(FILMS, TASTES), 1)
likes = (taste @ genre.T) ** 2
seen = torch.zeros(MEMBERS, FILMS, dtype=torch.bool)
held_out = torch.empty(MEMBERS, dtype=torch.long)
for member in range(MEMBERS):
    films = torch.multinomial(likes[member], 21)
    seen[member, films[:20]] = True
    held_out[member] = films[20]


class Factors(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.member = nn.Embedding(MEMBERS, width)
        self.film = nn.Embedding(FILMS, width)
        nn.init.normal_(self.member.weight, std=0.1)
        nn.init.normal_(self.film.weight, std=0.1)

    def forward(self, member, film):
        return (self.member(member) * self.film(film)).sum(-1)


model = Factors()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=1e-5)
who, what = seen.nonzero(as_tuple=True)
for epoch in range(12):
    model.train()
    total = 0.0
    for part in torch.randperm(len(who)).split(200):
        other = torch.randint(0, FILMS, (len(part),))
        liked, unknown = model(who[part], what[part]), model(who[part], other)
        loss = -nn.functional.logsigmoid(liked - unknown).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(part)
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}: loss {total / len(who):.3f}")

model.eval()
with torch.no_grad():
    scores = model.member.weight @ model.film.weight.T
scores[seen] = float("-inf")
shown = scores.topk(SHOWN, dim=1).indices
hits = (shown == held_out.unsqueeze(1)).any(1).float().mean().item()
print(f"the next film is among the ten for {hits:.1%} of the members")
