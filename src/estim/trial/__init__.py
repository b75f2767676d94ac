"""Controlled trials: sealed allocation, arms as whole protocols, blinding, and the tables that a report needs."""
