"""What hangs on the cable: electrodes, skin, muscle, patient."""
