# %% [markdown]
# Guess the language of a surname from its letters
# %%
import random
import string

import torch
import torch.nn as nn

random.seed(3)
torch.manual_seed(3)

all_letters = string.ascii_lowercase + "#"
endings = {
    "Polish": ["ski", "wicz", "czyk", "zka"],
    "Italian": ["ini", "etti", "ello", "oni"],
    "Greek": ["opoulos", "akis", "idis", "atos"],
    "German": ["mann", "stein", "bauer", "berg"],
}
all_categories = list(endings)


def make_name(category):
    stem = "".join(
        random.choice("bdfgklmnprstv") + random.choice("aeiou") for _ in range(random.choice([1, 2]))
    )
    return stem + random.choice(endings[category])


names = [(make_name(c), i) for i, c in enumerate(all_categories) for _ in range(200)]
random.shuffle(names)
train_names, test_names = names[:640], names[640:]


# %%
def name_to_tensor(name, length=12):
    tensor = torch.zeros(length, len(all_letters))
    for position, letter in enumerate(name.rjust(length, "#")[:length]):
        tensor[position][all_letters.index(letter)] = 1
    return tensor


def to_batch(pairs):
    lines = torch.stack([name_to_tensor(n) for n, _ in pairs], dim=1)
    return lines, torch.tensor([c for _, c in pairs])


# %%
class RNN(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)
        self.softmax = nn.LogSoftmax(dim=1)

    def forward(self, line):
        hidden = torch.zeros(line.size(1), self.hidden_size)
        for letter in line:
            hidden = torch.tanh(self.i2h(torch.cat((letter, hidden), 1)))
        return self.softmax(self.h2o(hidden))


n_hidden = 64
rnn = RNN(len(all_letters), n_hidden, len(all_categories))

# %%
example, _ = to_batch(train_names[:1])
print("before training:", rnn(example).exp())

# %%
criterion = nn.NLLLoss()


def train(lines, categories):
    optimizer.zero_grad()
    output = rnn(lines)
    loss = criterion(output, categories)
    loss.backward()
    optimizer.step()
    return output, loss.item()


# %%
rnn = RNN(len(all_letters), n_hidden, len(all_categories))
optimizer = torch.optim.Adam(rnn.parameters(), lr=0.005)

for epoch in range(8):
    random.shuffle(train_names)
    total = 0.0
    for start in range(0, len(train_names), 32):
        lines, categories = to_batch(train_names[start : start + 32])
        output, loss = train(lines, categories)
        total += loss * len(categories)
    print(f"epoch {epoch + 1} loss {total / len(train_names):.4f}")

# %%
rnn.eval()
with torch.no_grad():
    lines, categories = to_batch(test_names)
    guess = rnn(lines).argmax(1)
print("accuracy on new names:", (guess == categories).float().mean().item())
