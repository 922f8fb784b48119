// Two screens of cells. A row is a pointer, so that scrolling a whole screen moves pointers only.
#pragma once
#include "CTerminal.h"

struct apus_cells {
  int rows, columns;
  struct apus_cell **row;
  struct apus_cell **spare;  // room to turn rows round
};

struct apus_cells *apus_cells_new(int rows, int columns);
void apus_cells_free(struct apus_cells *cells);

/// A copy of that size without its first `top` rows; NULL when there is no memory.
struct apus_cells *apus_cells_resized(const struct apus_cells *cells, int rows, int columns, int top);

void apus_cells_put(struct apus_cells *cells, int row, int column, int width, uint32_t character,
                    const struct apus_pen *pen);
/// Erases [left, right) of a row to that background.
void apus_cells_erase(struct apus_cells *cells, int row, int left, int right, uint32_t background);
/// Moves what is in rows [top, bottom) up (down where negative) and erases what comes free.
void apus_cells_scroll(struct apus_cells *cells, int top, int bottom, int upward, uint32_t background);
/// Moves what is in [left, right) of a row to the left (right where negative) and erases what comes free.
void apus_cells_shift(struct apus_cells *cells, int row, int left, int right, int leftward, uint32_t background);
