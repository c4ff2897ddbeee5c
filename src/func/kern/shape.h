/* func/kern/shape.h -- names for loop templates and the switch over operand shapes.
 *
 * A template's body takes steps of 0 or 1; K_BY_SHAPE calls it with constant steps, so that each
 * shape becomes a loop of its own. */
#ifndef PS_FUNC_KERN_SHAPE_H
#define PS_FUNC_KERN_SHAPE_H

#define K_NAME(base) PS_CAT(PS_CAT(base, _), K_SUFFIX)

#define K_BY_SHAPE(shape, call)                                                                    \
    switch (shape) {                                                                               \
    case PS_SHAPE_COL_COL: {                                                                       \
        enum { A = 1, B = 1 };                                                                     \
        call;                                                                                      \
        break;                                                                                     \
    }                                                                                              \
    case PS_SHAPE_COL_ONE: {                                                                       \
        enum { A = 1, B = 0 };                                                                     \
        call;                                                                                      \
        break;                                                                                     \
    }                                                                                              \
    case PS_SHAPE_ONE_COL: {                                                                       \
        enum { A = 0, B = 1 };                                                                     \
        call;                                                                                      \
        break;                                                                                     \
    }                                                                                              \
    }

#endif
