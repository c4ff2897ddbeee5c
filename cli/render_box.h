/* cli/render_box.h -- tables drawn with lines, and Markdown tables. */
#ifndef PENSTOCK_RENDER_BOX_H
#define PENSTOCK_RENDER_BOX_H

#include "render.h"

/* A table of the kept rows, fitted to the terminal; one column with line breaks (a plan) is
 * printed as it is. */
void render_box(render *r);
void render_markdown(render *r);

#endif
