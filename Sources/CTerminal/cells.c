#include "cells.h"

#include <stdlib.h>
#include <string.h>

static void blank(struct apus_cell *cell, uint32_t background) {
  memset(cell, 0, sizeof *cell);
  cell->background = background;
  cell->width = 1;
}

static void blank_all(struct apus_cell *cells, int count, uint32_t background) {
  for (int n = 0; n < count; n++) blank(cells + n, background);
}

/// Half a wide character is no character: what is left of one around the border before `column` goes.
static void cut(struct apus_cell *row, int columns, int column) {
  if (column <= 0 || column >= columns || row[column].width != 0) return;
  blank(row + column - 1, row[column - 1].background);
  blank(row + column, row[column].background);
}

/// After cells were moved: halves without their other half go.
static void mend(struct apus_cell *row, int columns) {
  for (int n = 0; n < columns; n++) {
    if (row[n].width == 2 && n + 1 < columns && row[n + 1].width == 0) {
      n++;
    } else if (row[n].width != 1) {
      blank(row + n, row[n].background);
    }
  }
}

struct apus_cells *apus_cells_new(int rows, int columns) {
  struct apus_cells *cells = calloc(1, sizeof *cells);
  if (!cells) return NULL;
  cells->rows = rows;
  cells->columns = columns;
  cells->row = calloc((size_t)rows, sizeof *cells->row);
  cells->spare = calloc((size_t)rows, sizeof *cells->spare);
  for (int n = 0; cells->row && cells->spare && n < rows; n++) {
    cells->row[n] = malloc((size_t)columns * sizeof **cells->row);
    if (!cells->row[n]) break;
    blank_all(cells->row[n], columns, 0);
    if (n == rows - 1) return cells;
  }
  apus_cells_free(cells);
  return NULL;
}

void apus_cells_free(struct apus_cells *cells) {
  if (!cells) return;
  for (int n = 0; cells->row && n < cells->rows; n++) free(cells->row[n]);
  free(cells->row);
  free(cells->spare);
  free(cells);
}

struct apus_cells *apus_cells_resized(const struct apus_cells *cells, int rows, int columns, int top) {
  struct apus_cells *made = apus_cells_new(rows, columns);
  if (!made) return NULL;
  int shared = columns < cells->columns ? columns : cells->columns;
  for (int n = 0; n < rows && top + n < cells->rows; n++) {
    memcpy(made->row[n], cells->row[top + n], (size_t)shared * sizeof **made->row);
    mend(made->row[n], columns);
  }
  return made;
}

void apus_cells_put(struct apus_cells *cells, int row, int column, int width, uint32_t character,
                    const struct apus_pen *pen) {
  if (row < 0 || row >= cells->rows || column < 0 || column + width > cells->columns) return;
  struct apus_cell *at = cells->row[row];
  cut(at, cells->columns, column);
  cut(at, cells->columns, column + width);
  for (int n = 0; n < width; n++) {
    struct apus_cell *cell = at + column + n;
    cell->characters[0] = n == 0 ? character : 0;
    cell->characters[1] = 0;
    cell->foreground = pen->foreground;
    cell->background = pen->background;
    cell->line = pen->line;
    cell->attributes = pen->attributes;
    cell->underline = pen->underline;
    cell->width = (uint8_t)(n == 0 ? width : 0);
  }
}

void apus_cells_erase(struct apus_cells *cells, int row, int left, int right, uint32_t background) {
  if (left < 0) left = 0;
  if (right > cells->columns) right = cells->columns;
  if (row < 0 || row >= cells->rows || left >= right) return;
  cut(cells->row[row], cells->columns, left);
  cut(cells->row[row], cells->columns, right);
  blank_all(cells->row[row] + left, right - left, background);
}

void apus_cells_scroll(struct apus_cells *cells, int top, int bottom, int upward, uint32_t background) {
  if (top < 0) top = 0;
  if (bottom > cells->rows) bottom = cells->rows;
  int height = bottom - top;
  int count = upward < 0 ? -upward : upward;
  if (height <= 0 || count == 0) return;
  if (count > height) count = height;
  struct apus_cell **first = cells->row + top;
  size_t kept = (size_t)(height - count), gone = (size_t)count;
  if (upward > 0) {
    memcpy(cells->spare, first, gone * sizeof *first);
    memmove(first, first + count, kept * sizeof *first);
    memcpy(first + kept, cells->spare, gone * sizeof *first);
  } else {
    memcpy(cells->spare, first + kept, gone * sizeof *first);
    memmove(first + count, first, kept * sizeof *first);
    memcpy(first, cells->spare, gone * sizeof *first);
  }
  for (size_t n = 0; n < gone; n++) blank_all(cells->spare[n], cells->columns, background);
}

void apus_cells_shift(struct apus_cells *cells, int row, int left, int right, int leftward, uint32_t background) {
  if (left < 0) left = 0;
  if (right > cells->columns) right = cells->columns;
  int width = right - left;
  int count = leftward < 0 ? -leftward : leftward;
  if (row < 0 || row >= cells->rows || width <= 0 || count == 0) return;
  if (count > width) count = width;
  struct apus_cell *at = cells->row[row] + left;
  size_t kept = (size_t)(width - count);
  if (leftward > 0) {
    memmove(at, at + count, kept * sizeof *at);
    blank_all(at + kept, count, background);
  } else {
    memmove(at + count, at, kept * sizeof *at);
    blank_all(at, count, background);
  }
  mend(cells->row[row], cells->columns);
}
