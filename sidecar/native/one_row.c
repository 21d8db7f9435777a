/* One row of plain numbers, from JSON to a sum of heights, without an object for each number.
 *
 * Two things that the data plane does for nearly every call, and for which Python, orjson and NumPy together make
 * some forty objects. `sidecar/native/__init__.py` says who uses them and what is used where they are not built:
 * what they replace stays, is the reference, and takes over whenever a body or a row is not of the plain kind.
 *
 *     numbers(body, key, width)     {"KEY": [[n, n, ...]]} -> float64 block, or None: let the reference read it
 *     Steps(cuts, heights, ends)    as sidecar.scoring.tail_sum has them; its score(row) is the sum of heights, and
 *                                   score_many(rows) that of each of many rows
 *
 * Neither keeps state between calls, nor lets go of the interpreter's lock.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "doubles must be rounded to 64 bits at each step"
#endif

typedef unsigned __int128 u128;

/* -- decimal -> double ------------------------------------------------------------------------------------------ */

/* Powers of ten that are exact as doubles, and as 64-bit integers. */
static const double TEN[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                             1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static const uint64_t WHOLE_TEN[] = {1ull,
                                     10ull,
                                     100ull,
                                     1000ull,
                                     10000ull,
                                     100000ull,
                                     1000000ull,
                                     10000000ull,
                                     100000000ull,
                                     1000000000ull,
                                     10000000000ull,
                                     100000000000ull,
                                     1000000000000ull,
                                     10000000000000ull,
                                     100000000000000ull,
                                     1000000000000000ull,
                                     10000000000000000ull,
                                     100000000000000000ull,
                                     1000000000000000000ull,
                                     10000000000000000000ull};
enum { MOST_DIGITS = 19, MOST_POWER = 22, MOST_WHOLE_POWER = 19 };

static int bits_of(u128 n)
{
    uint64_t high = (uint64_t)(n >> 64);
    return high ? 128 - __builtin_clzll(high) : 64 - __builtin_clzll((uint64_t)n);
}

/* digits * 10^power, rounded to nearest, ties to even, as every parser of JSON must. False: outside of what can be
 * told here exactly. */
static int rounded(uint64_t digits, int power, double *value)
{
    if (digits == 0) {
        *value = 0.0;
        return 1;
    }
    if (digits <= (1ull << 53) && -MOST_POWER <= power && power <= MOST_POWER) {
        /* Both are exact, so one operation rounds once (Clinger 1990). */
        *value = power < 0 ? (double)digits / TEN[-power] : (double)digits * TEN[power];
        return 1;
    }
    if (power < -MOST_WHOLE_POWER || power > MOST_WHOLE_POWER)
        return 0;
    /* Else as whole numbers of 128 bits: value = (exact + less than one, if `more`) / 2^scale. */
    u128 exact;
    int more = 0, scale = 0;
    if (power < 0) {
        scale = 64 + __builtin_clzll(digits);
        u128 shifted = (u128)digits << scale;
        exact = shifted / WHOLE_TEN[-power]; /* at least 2^63, so 53 bits and one to round by are there */
        more = shifted % WHOLE_TEN[-power] != 0;
    } else {
        exact = (u128)digits * WHOLE_TEN[power];
    }
    int surplus = bits_of(exact) - 53;
    if (surplus <= 0) {
        *value = ldexp((double)(uint64_t)exact, -scale);
        return 1;
    }
    uint64_t kept = (uint64_t)(exact >> surplus);
    u128 cut = exact - ((u128)kept << surplus), half = (u128)1 << (surplus - 1);
    if (cut > half || (cut == half && (more || (kept & 1))))
        kept++;
    *value = ldexp((double)kept, surplus - scale);
    return 1;
}

/* -- JSON ------------------------------------------------------------------------------------------------------- */

static const char *blanks(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

/* One number as RFC 8259 writes it. Returns where it ends, or NULL when the reference must read it. Bytes objects
 * end in a NUL, which is part of no number, so nothing here reads beyond one. */
static const char *number(const char *at, double *value)
{
    uint64_t digits = 0;
    int count = 0, power = 0, negative = 0, whole = 1;
    if (*at == '-') {
        negative = 1;
        at++;
    }
    if (*at == '0') {
        at++;
    } else {
        if (*at < '1' || *at > '9')
            return NULL;
        for (; '0' <= *at && *at <= '9'; at++, count++)
            digits = digits * 10 + (uint64_t)(*at - '0');
        if (count > MOST_DIGITS)
            return NULL;
    }
    if (*at == '.') {
        const char *first = ++at;
        whole = 0;
        for (; '0' <= *at && *at <= '9'; at++) {
            digits = digits * 10 + (uint64_t)(*at - '0');
            count += count > 0 || *at != '0'; /* zeros in front are no digits of the number */
        }
        if (at == first || count > MOST_DIGITS || at - first > 1000)
            return NULL;
        power = -(int)(at - first);
    }
    if (*at == 'e' || *at == 'E') {
        int exponent = 0, sign = 1;
        at++;
        whole = 0;
        if (*at == '+' || *at == '-')
            sign = *at++ == '-' ? -1 : 1;
        if (*at < '0' || *at > '9')
            return NULL;
        for (; '0' <= *at && *at <= '9'; at++) {
            exponent = exponent * 10 + (*at - '0');
            if (exponent > 1000)
                return NULL;
        }
        power += sign * exponent;
    }
    if (!rounded(digits, power, value))
        return NULL;
    if (negative && !(whole && digits == 0)) /* -0 is a whole number, and those have no sign at zero */
        *value = -*value;
    return at;
}

/* Where `{"key": [[` ends, or NULL. */
static const char *opening(const char *at, const char *key, Py_ssize_t length)
{
    at = blanks(at);
    if (*at++ != '{')
        return NULL;
    at = blanks(at);
    if (*at++ != '"' || strncmp(at, key, (size_t)length) != 0 || at[length] != '"')
        return NULL;
    at = blanks(at + length + 1);
    if (*at++ != ':')
        return NULL;
    at = blanks(at);
    if (*at++ != '[')
        return NULL;
    at = blanks(at);
    return *at == '[' ? at + 1 : NULL;
}

static PyObject *numbers(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    if (given != 3 || !PyBytes_CheckExact(args[0]) || !PyBytes_CheckExact(args[1]) || !PyLong_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "numbers(body: bytes, key: bytes, width: int)");
        return NULL;
    }
    const char *start = PyBytes_AS_STRING(args[0]), *end = start + PyBytes_GET_SIZE(args[0]);
    Py_ssize_t width = PyLong_AsSsize_t(args[2]);
    if (width == -1 && PyErr_Occurred())
        return NULL;
    if (width < 1 || width > (end - start) / 2) /* each number takes a digit, and a comma or bracket */
        Py_RETURN_NONE;
    const char *at = opening(start, PyBytes_AS_STRING(args[1]), PyBytes_GET_SIZE(args[1]));
    if (at == NULL)
        Py_RETURN_NONE;
    PyObject *block = PyBytes_FromStringAndSize(NULL, width * (Py_ssize_t)sizeof(double));
    if (block == NULL)
        return NULL;
    char *values = PyBytes_AS_STRING(block);
    for (Py_ssize_t i = 0; i < width; i++) {
        double value;
        at = number(blanks(at), &value);
        if (at == NULL)
            goto other;
        memcpy(values + i * (Py_ssize_t)sizeof value, &value, sizeof value);
        at = blanks(at);
        if (*at++ != (i + 1 < width ? ',' : ']'))
            goto other;
    }
    at = blanks(at);
    if (*at++ != ']')
        goto other;
    at = blanks(at);
    if (*at++ == '}' && blanks(at) == end)
        return block;
other:
    Py_DECREF(block);
    Py_RETURN_NONE;
}

/* -- the sum of heights ----------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    Py_buffer cuts, heights, ends;
} Steps;

static int doubles(PyObject *object, Py_buffer *view, char kind)
{
    if (PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0)
        return -1;
    if (view->itemsize != 8 || view->format == NULL || view->format[0] != kind) {
        PyErr_SetString(PyExc_ValueError, "Steps takes float64 cuts and heights, and int64 ends");
        return -1;
    }
    return 0;
}

static int steps_fit(const Steps *self)
{
    Py_ssize_t cuts = self->cuts.len / 8, columns = self->ends.len / 8, start = 0;
    const int64_t *ends = self->ends.buf;
    if (self->heights.len / 8 != 2 * cuts || columns == 0 || ends[columns - 1] != cuts - 1)
        return 0;
    for (Py_ssize_t j = 0; j < columns; start = ends[j++] + 1)
        if (ends[j] < start || ends[j] >= cuts || ((const double *)self->cuts.buf)[ends[j]] != INFINITY)
            return 0;
    return 1;
}

static PyObject *steps_new(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *cuts, *heights, *ends;
    if (named != NULL && PyDict_GET_SIZE(named))
        return PyErr_Format(PyExc_TypeError, "Steps(cuts, heights, ends) takes no keywords");
    if (!PyArg_ParseTuple(args, "OOO:Steps", &cuts, &heights, &ends))
        return NULL;
    Steps *self = (Steps *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    if (doubles(cuts, &self->cuts, 'd') < 0 || doubles(heights, &self->heights, 'd') < 0 ||
        doubles(ends, &self->ends, 'l') < 0) {
        Py_DECREF(self);
        return NULL;
    }
    if (!steps_fit(self)) { /* what `score` relies on to stay within its arrays */
        Py_DECREF(self);
        PyErr_SetString(PyExc_ValueError, "each column's cuts must end in infinity, and have two heights each");
        return NULL;
    }
    return (PyObject *)self;
}

static void steps_dealloc(Steps *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyBuffer_Release(&self->cuts);
    PyBuffer_Release(&self->heights);
    PyBuffer_Release(&self->ends);
    type->tp_free(self);
    Py_DECREF(type);
}

/* The height at x of the column whose cuts are `at` to `end`. */
static inline double height(const double *cuts, const double *heights, int64_t at, int64_t end, double x)
{
    /* The first cut that is not below x; infinity at the end never is. No branch depends on x, so that a
     * processor goes on with the next value while it waits for the memory of this one. */
    for (int64_t left = end + 1 - at; left > 1;) {
        int64_t half = left / 2;
        at += cuts[at + half - 1] < x ? half : 0;
        left -= half;
    }
    return heights[2 * at + (cuts[at] == x)];
}

static PyObject *steps_score(Steps *self, PyObject *row)
{
    const double *cuts = self->cuts.buf, *heights = self->heights.buf;
    const int64_t *ends = self->ends.buf;
    Py_ssize_t columns = self->ends.len / 8, at = 0;
    if (!PyBytes_CheckExact(row) || PyBytes_GET_SIZE(row) != columns * 8)
        return PyErr_Format(PyExc_ValueError, "a row is a block of %zd float64", columns);
    const char *values = PyBytes_AS_STRING(row);
    double total = 0.0;
    for (Py_ssize_t j = 0; j < columns; at = ends[j++] + 1) {
        double x;
        memcpy(&x, values + j * 8, sizeof x);
        total += height(cuts, heights, at, ends[j], x);
    }
    return PyFloat_FromDouble(total);
}

/* Column by column, so that the cuts of one stay in the cache for all rows. Each row is added up in the order of
 * the columns, as above: a row's score does not depend on its company. */
static PyObject *steps_score_many(Steps *self, PyObject *matrix)
{
    const double *cuts = self->cuts.buf, *heights = self->heights.buf;
    const int64_t *ends = self->ends.buf;
    Py_ssize_t columns = self->ends.len / 8, at = 0;
    Py_buffer view;
    if (PyObject_GetBuffer(matrix, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0)
        return NULL;
    PyObject *sums = NULL;
    if (view.itemsize != 8 || view.format == NULL || view.format[0] != 'd' || view.ndim != 2 ||
        view.shape[1] != columns) {
        PyErr_Format(PyExc_ValueError, "rows are %zd float64 each", columns);
        goto done;
    }
    Py_ssize_t rows = view.shape[0];
    sums = PyBytes_FromStringAndSize(NULL, rows * 8);
    if (sums == NULL)
        goto done;
    double *total = (double *)(void *)PyBytes_AS_STRING(sums);
    _Static_assert(offsetof(PyBytesObject, ob_sval) % sizeof(double) == 0, "the sums must be aligned");
    memset(total, 0, (size_t)(rows * 8));
    for (Py_ssize_t j = 0; j < columns; at = ends[j++] + 1) {
        const char *value = (const char *)view.buf + j * 8;
        for (Py_ssize_t i = 0; i < rows; i++, value += columns * 8) {
            double x; /* rows may lie anywhere in a body */
            memcpy(&x, value, sizeof x);
            total[i] += height(cuts, heights, at, ends[j], x);
        }
    }
done:
    PyBuffer_Release(&view);
    return sums;
}

static PyMethodDef steps_methods[] = {
    {"score", (PyCFunction)steps_score, METH_O,
     "The sum of the heights of one row, a block of float64; NaN where a height is in doubt."},
    {"score_many", (PyCFunction)steps_score_many, METH_O,
     "The same for each row of a matrix of float64, as a block of float64."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot steps_slots[] = {
    {Py_tp_doc, "Steps(cuts, heights, ends): the columns of a detector that sums heights, as buffers."},
    {Py_tp_new, steps_new},
    {Py_tp_dealloc, steps_dealloc},
    {Py_tp_methods, steps_methods},
    {0, NULL},
};

static PyType_Spec steps_spec = {
    .name = "sidecar.native.one_row.Steps",
    .basicsize = sizeof(Steps),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = steps_slots,
};

/* -- the module ------------------------------------------------------------------------------------------------- */

static int module_filled(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &steps_spec, NULL);
    if (type == NULL)
        return -1;
    int failed = PyModule_AddObjectRef(module, "Steps", type);
    Py_DECREF(type);
    return failed;
}

static PyMethodDef module_methods[] = {
    {"numbers", (PyCFunction)(void (*)(void))numbers, METH_FASTCALL,
     "numbers(body, key, width): the one row of a body such as {\"KEY\": [[1, 2.5]]} as a block of `width`\n"
     "float64; None when it is any other body, which may be as good."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, module_filled}, {0, NULL}};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "sidecar.native.one_row",
    .m_doc = "One row of plain numbers, from JSON to a sum of heights.",
    .m_size = 0,
    .m_methods = module_methods,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit_one_row(void) { return PyModuleDef_Init(&module_definition); }
