/* Floating point: planets and the Mandelbrot set. */
#include "bench.h"

#include <math.h>
#include <string.h>

struct body {
    double x[3], v[3], mass;
};

enum { BODIES = 5 };
static struct body bodies[BODIES];

/* A heavy body in the middle and four in circular orbits around it (units: G = 1). */
void nbody_prepare(void) {
    memset(bodies, 0, sizeof bodies);
    bodies[0].mass = 40;
    for (int k = 1; k < BODIES; k++) {
        double radius = 5.0 * k;
        bodies[k].x[k % 2] = radius;
        bodies[k].x[2] = 0.01 * k;
        bodies[k].v[1 - k % 2] = sqrt(40 / radius);
        bodies[k].mass = 0.01 / k;
    }
}

static void advance(double dt) {
    for (int a = 0; a < BODIES; a++) {
        for (int b = a + 1; b < BODIES; b++) {
            double d[3], square = 0;
            for (int k = 0; k < 3; k++) {
                d[k] = bodies[a].x[k] - bodies[b].x[k];
                square += d[k] * d[k];
            }
            double pull = dt / (square * sqrt(square));
            for (int k = 0; k < 3; k++) {
                bodies[a].v[k] -= d[k] * bodies[b].mass * pull;
                bodies[b].v[k] += d[k] * bodies[a].mass * pull;
            }
        }
    }
    for (int a = 0; a < BODIES; a++) {
        for (int k = 0; k < 3; k++) bodies[a].x[k] += dt * bodies[a].v[k];
    }
}

uint64_t nbody_iteration(uint64_t i) {
    uint64_t bits;
    (void) i;
    for (int k = 0; k < 3000; k++) advance(0.001);
    memcpy(&bits, &bodies[1].x[0], sizeof bits);
    return bits;
}

#define MANDEL(name, type)                                                   \
    static uint64_t name(int width, int height, int limit) {                 \
        uint64_t sum = 0;                                                    \
        for (int row = 0; row < height; row++) {                             \
            for (int column = 0; column < width; column++) {                 \
                type cx = (type) 3 * (type) column / (type) width - (type) 2.25;           \
                type cy = (type) 2.5 * (type) row / (type) height - (type) 1.25;           \
                type x = 0, y = 0, xx = 0, yy = 0;                           \
                int n = 0;                                                   \
                for (; n < limit && xx + yy <= (type) 4; n++) {              \
                    y = (type) 2 * x * y + cy;                               \
                    x = xx - yy + cx;                                        \
                    xx = x * x;                                              \
                    yy = y * y;                                              \
                }                                                            \
                sum += (uint64_t) n;                                         \
            }                                                                \
        }                                                                    \
        return sum;                                                          \
    }

MANDEL(mandel_single, float)
MANDEL(mandel_double, double)

uint64_t mandel_iteration(uint64_t i) {
    (void) i;
    return mandel_single(OPAQUE(64), 48, 100) << 32 | mandel_double(OPAQUE(64), 48, 100);
}
