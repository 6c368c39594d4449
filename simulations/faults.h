/* faults: what goes wrong in a world, and when, as its plan says. */
#ifndef SIMULATIONS_FAULTS_H
#define SIMULATIONS_FAULTS_H

struct sim;

/** faults_schedule - before the world begins. */
void faults_schedule(struct sim *s);

#endif
