import torch
from torch import nn

torch.manual_seed(0)
import random

random.seed(0)
policy_net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
target_net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
target_net.load_state_dict(policy_net.state_dict())
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
memory = []
state = torch.randn(4)


def select_action(state):
    if random.random() < 0.2:
        return random.randrange(2)
    with torch.no_grad():
        return policy_net(state[None]).max(1).indices.item()


for t in range(120):
    action = select_action(state)
    reward = float(state[0] > 0) if action == 1 else 0.0
    nxt = 0.9 * state + 0.3 * torch.randn(4)
    memory.append((state, action, reward, nxt))
    state = nxt
    if len(memory) < 32:
        continue
    batch = random.sample(memory, 32)
    states = torch.stack([b[0] for b in batch])
    actions = torch.tensor([[b[1]] for b in batch])
    rewards = torch.tensor([b[2] for b in batch])
    next_states = torch.stack([b[3] for b in batch])
    q = policy_net(states).gather(1, actions)
    with torch.no_grad():
        next_values = target_net(next_states).max(1).values
    expected = next_values * 0.9 + rewards
    loss = nn.functional.smooth_l1_loss(q, expected.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_value_(policy_net.parameters(), 100)
    optimizer.step()
    target = target_net.state_dict()
    for key, value in policy_net.state_dict().items():
        target[key] = value * 0.005 + target[key] * 0.995
    target_net.load_state_dict(target)
