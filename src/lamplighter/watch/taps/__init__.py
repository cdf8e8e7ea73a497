"""Where a program is listened to: functions of torch, and of its neighbours, are wrapped and put back."""
