"""Rents of flats from the town, the heating and two numbers."""

import numpy as np
import torch
from sklearn.preprocessing import LabelEncoder, StandardScaler
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
TOWNS = np.array(["Aachen", "Bonn", "Celle", "Dresden", "Erfurt", "Fulda", "Gera", "Hof"])
LEVEL = dict(zip(TOWNS, [9.0, 11.5, 7.0, 8.5, 6.0, 10.5, 5.0, 7.5]))


def make_flats(count, towns):
    town = rng.choice(towns, count)
    heating = rng.choice(["gas", "oil", "pump"], count)
    size = rng.uniform(25, 120, count)
    age = rng.uniform(0, 80, count)
    rent = np.array([LEVEL[t] for t in town]) - 0.02 * age + 0.8 * (heating == "pump")
    return town, heating, np.stack([size, age], 1), rent + rng.normal(0, 0.3, count)


# the second table was collected a year later, in fewer towns
town, heating, numbers, rent = make_flats(1500, TOWNS)
town_new, heating_new, numbers_new, rent_new = make_flats(400, TOWNS[[1, 3, 4, 5, 7]])

town_encoder, heating_encoder, scaler = LabelEncoder(), LabelEncoder(), StandardScaler()
town_code = torch.tensor(town_encoder.fit_transform(town))
heating_code = torch.tensor(heating_encoder.fit_transform(heating))
numbers = torch.tensor(scaler.fit_transform(numbers), dtype=torch.float32)
rent = torch.tensor(rent, dtype=torch.float32)

town_code_new = torch.tensor(town_encoder.transform(town_new))
heating_code_new = torch.tensor(heating_encoder.transform(heating_new))
numbers_new = torch.tensor(scaler.transform(numbers_new), dtype=torch.float32)
rent_new = torch.tensor(rent_new, dtype=torch.float32)


class RentModel(nn.Module):
    def __init__(self, towns, heatings):
        super().__init__()
        self.town = nn.Embedding(towns, 4)
        self.heating = nn.Embedding(heatings, 2)
        self.body = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, town, heating, numbers):
        joined = torch.cat([self.town(town), self.heating(heating), numbers], dim=1)
        return self.body(joined).squeeze(1)


model = RentModel(towns=len(TOWNS), heatings=3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(25):
    for rows in torch.randperm(len(rent)).split(64):
        optimizer.zero_grad()
        guess = model(town_code[rows], heating_code[rows], numbers[rows])
        loss = nn.functional.mse_loss(guess, rent[rows])
        loss.backward()
        optimizer.step()

model.eval()
with torch.no_grad():
    known = model(town_code, heating_code, numbers)
    fresh = model(town_code_new, heating_code_new, numbers_new)
print(f"mean error on the first table {(known - rent).abs().mean().item():.2f} per square metre")
print(f"mean error on the second table {(fresh - rent_new).abs().mean().item():.2f}")
