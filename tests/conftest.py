"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

# A busy machine is no finding: neither a slow example nor slow generation fails a property.
settings.register_profile("estim", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
# For `make mutants`: that a property fails is enough there, the smallest example of it is not looked for.
settings.register_profile("mutants", settings.get_profile("estim"), phases=[Phase.explicit, Phase.generate])
settings.load_profile("estim")
