/* A camera made of software, for tests: preloaded into a program, it makes /dev/video0 appear and behave as a V4L2
 * capture device, so that the program's own camera code runs unchanged. It needs no kernel module and no root.
 *
 *   gcc -O2 -Wall -shared -fPIC -o libfakecam.so fakecam.c -ldl -lpthread
 *   FAKECAM=1 LD_PRELOAD=./libfakecam.so program
 *
 * Environment (read when the program first looks for a camera):
 *   FAKECAM=1               switches the camera on; without it every call goes straight through
 *   FAKECAM_NAME=text       its name                                    ("Test Camera")
 *   FAKECAM_SIZES=WxH,WxH   sizes on offer, at most 8, sides even       ("1280x720,640x360")
 *   FAKECAM_FPS=n[/d]       frames a second; half of it is offered too  ("30")
 *   FAKECAM_Y4M=path        plays this 4:2:0 YUV4MPEG2 file in a loop, at its own size only; otherwise a pattern is drawn:
 *                           left half Y 80 U 100 V 180, right half Y 180 U 150 V 90, and a white square that moves right
 *   FAKECAM_CONTROL=path    while this file holds "stall" no frame is delivered, "unplug" makes the camera vanish, and
 *                           "size WxH" makes it offer this size only to whoever opens it
 *   FAKECAM_LOCK=path       of all processes with this lock file only one may stream, the others get EBUSY
 *   FAKECAM_INTERVAL=n/d    frame interval that the camera stands at before anyone sets it ("1/30")
 *
 * Formats: YUYV and NV12, memory-mapped streaming only. There is one device, without controls. It may be opened several
 * times; as with a real one, only one handle owns buffers. Not async-signal-safe, and not for programs that fork and go on
 * using the camera in the child. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEVICE_PATH "/dev/video0"
#define NAME_PATH "/sys/class/video4linux/video0/name"
#define MAX_SIZES 8
#define MAX_BUFFERS 8
#define MAX_HANDLES 32
#define QUEUE 16 /* a power of two above MAX_BUFFERS */

struct size { int width, height; };
enum buffer_state { IDLE, QUEUED, DONE };
struct ring { int item[QUEUE]; unsigned head, tail; };

/* What the camera can do; fixed after load(). */
static struct {
    int loaded, size_count;
    struct v4l2_fract interval; /* from frame to frame, at the full rate */
    struct size sizes[MAX_SIZES];
    const uint8_t *clip; /* the first byte after the header of the y4m file, or NULL */
    size_t clip_length;
} offer;

/* What it does at the moment; guarded by `lock`. */
static struct {
    int handles[MAX_HANDLES], handle_generation[MAX_HANDLES], handle_count;
    int generation;            /* grows with every unplugging: older handles are dead */
    int owner;                 /* the handle that owns the buffers, or -1 */
    int memory, lock_file;     /* memfd behind the buffers; FAKECAM_LOCK while streaming */
    struct size size;
    uint32_t format;
    struct v4l2_fract interval;
    int buffer_count, streaming;
    size_t buffer_length;
    uint8_t *mapping;
    enum buffer_state state[MAX_BUFFERS];
    struct v4l2_buffer done[MAX_BUFFERS];
    struct ring queued, finished;
    uint32_t sequence;
    pthread_t generator;
} camera = { .owner = -1, .memory = -1, .lock_file = -1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The function of this name in the next library. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int fail(int code) { errno = code; return -1; }
static void put(struct ring *ring, int item) { ring->item[ring->tail++ % QUEUE] = item; }
static int take(struct ring *ring) { return ring->head == ring->tail ? -1 : ring->item[ring->head++ % QUEUE]; }

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value && *value ? value : otherwise;
}

static int switched_on(void) { return getenv("FAKECAM") != NULL; }

static void read_control(char text[32]) {
    memset(text, 0, 32);
    const char *path = getenv("FAKECAM_CONTROL");
    int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    if (read(file, text, 31) < 0) text[0] = 0;
    syscall(SYS_close, file);
}

/* Does the control file begin with this word? */
static int ordered(const char *word) {
    char text[32];
    read_control(text);
    return strncmp(text, word, strlen(word)) == 0;
}

/* ---- the picture ---------------------------------------------------------------------------------------------- */

static void load_clip(const char *path) {
    int file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status) || status.st_size < 32) { fprintf(stderr, "fakecam: cannot read %s\n", path); abort(); }
    const char *data = (const char *)syscall(SYS_mmap, NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    syscall(SYS_close, file);
    const char *end = memchr(data, '\n', status.st_size);
    char header[256] = { 0 };
    if (!end || end - data >= (long)sizeof header || strncmp(data, "YUV4MPEG2", 9)) { fprintf(stderr, "fakecam: %s is no y4m\n", path); abort(); }
    memcpy(header, data, end - data);
    const char *width = strstr(header, " W"), *height = strstr(header, " H");
    offer.sizes[0] = (struct size){ width ? atoi(width + 2) : 0, height ? atoi(height + 2) : 0 };
    offer.size_count = 1;
    offer.clip = (const uint8_t *)end + 1;
    offer.clip_length = status.st_size - (end + 1 - data);
}

static void load(void) {
    if (offer.loaded) return;
    offer.loaded = 1;
    offer.interval = (struct v4l2_fract){ 1, 0 };
    sscanf(setting("FAKECAM_FPS", "30"), "%u/%u", &offer.interval.denominator, &offer.interval.numerator);
    const char *text = setting("FAKECAM_SIZES", "1280x720,640x360");
    while (text && offer.size_count < MAX_SIZES) {
        struct size size;
        if (sscanf(text, "%dx%d", &size.width, &size.height) == 2) offer.sizes[offer.size_count++] = size;
        text = strchr(text, ',');
        if (text) text++;
    }
    if (getenv("FAKECAM_Y4M")) load_clip(getenv("FAKECAM_Y4M"));
    if (!offer.size_count || !offer.interval.numerator || !offer.interval.denominator) { fprintf(stderr, "fakecam: bad FAKECAM_SIZES or FAKECAM_FPS\n"); abort(); }
    camera.size = offer.sizes[0];
    camera.format = V4L2_PIX_FMT_YUYV;
    camera.interval = offer.interval;
    sscanf(setting("FAKECAM_INTERVAL", ""), "%u/%u", &camera.interval.numerator, &camera.interval.denominator);
}

/* The planes of one frame of the clip. Every frame is the line "FRAME...\n" and then Y, U, V. */
static const uint8_t *clip_frame(uint32_t sequence, size_t frame_length) {
    size_t step = 6 + frame_length, count = offer.clip_length / step;
    return count ? offer.clip + (sequence % count) * step + 6 : NULL;
}

/* Y, U and V of the pixel pair at (x, y). */
static void sample(uint32_t sequence, const uint8_t *clip, int x, int y, uint8_t out[4]) {
    int width = camera.size.width, height = camera.size.height;
    if (clip) {
        size_t luma = (size_t)width * height, at = (size_t)y * width + x, chroma = (size_t)(y / 2) * (width / 2) + x / 2;
        out[0] = clip[at]; out[1] = clip[at + 1]; out[2] = clip[luma + chroma]; out[3] = clip[luma + luma / 4 + chroma];
        return;
    }
    int side = height / 4, left = (int)(sequence * 8 % (unsigned)(width - side));
    if (y >= height / 2 - side / 2 && y < height / 2 + side / 2 && x >= left && x < left + side) memcpy(out, (uint8_t[4]){ 235, 235, 128, 128 }, 4);
    else if (x < width / 2) memcpy(out, (uint8_t[4]){ 80, 80, 100, 180 }, 4);
    else memcpy(out, (uint8_t[4]){ 180, 180, 150, 90 }, 4);
}

static size_t image_length(void) {
    return (size_t)camera.size.width * camera.size.height * (camera.format == V4L2_PIX_FMT_NV12 ? 3 : 4) / 2;
}

static void draw(uint8_t *target, uint32_t sequence) {
    int width = camera.size.width, height = camera.size.height;
    const uint8_t *clip = offer.clip ? clip_frame(sequence, (size_t)width * height * 3 / 2) : NULL;
    uint8_t *chroma = target + (size_t)width * height;
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x += 2) {
            uint8_t pixel[4];
            sample(sequence, clip, x, y, pixel);
            if (camera.format == V4L2_PIX_FMT_YUYV) {
                memcpy(target + ((size_t)y * width + x) * 2, (uint8_t[4]){ pixel[0], pixel[2], pixel[1], pixel[3] }, 4);
            } else {
                memcpy(target + (size_t)y * width + x, pixel, 2);
                if (y % 2 == 0) memcpy(chroma + (size_t)(y / 2) * width + x, pixel + 2, 2);
            }
        }
    }
}

/* ---- streaming ------------------------------------------------------------------------------------------------ */

/* Makes poll() on the owner return. */
static void wake_owner(void) {
    uint64_t one = 1;
    if (write(camera.owner, &one, sizeof one) < 0) return;
}

/* Delivers one frame into the next queued buffer; without one the frame is lost, as with a real camera. */
static void deliver(struct timespec now) {
    uint32_t sequence = camera.sequence++;
    int index = take(&camera.queued);
    if (index < 0) return;
    draw(camera.mapping + index * camera.buffer_length, sequence);
    camera.state[index] = DONE;
    camera.done[index] = (struct v4l2_buffer){ .bytesused = image_length(), .sequence = sequence,
        .timestamp = { now.tv_sec, now.tv_nsec / 1000 } };
    put(&camera.finished, index);
    wake_owner();
}

static void *generate(void *unused) {
    (void)unused;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        pthread_mutex_lock(&lock);
        long step = 1000000000L * camera.interval.numerator / camera.interval.denominator;
        pthread_mutex_unlock(&lock);
        next.tv_nsec += step;
        next.tv_sec += next.tv_nsec / 1000000000L;
        next.tv_nsec %= 1000000000L;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        int unplugged = ordered("unplug"), stalled = ordered("stall");
        pthread_mutex_lock(&lock);
        int go_on = camera.streaming && !unplugged;
        if (camera.streaming && unplugged) { camera.generation++; wake_owner(); }
        if (go_on && !stalled) deliver(next);
        pthread_mutex_unlock(&lock);
        if (!go_on) return NULL;
    }
}

/* Called with the lock held; lets go of it while the generator ends. */
static void stop_streaming(void) {
    if (camera.streaming) {
        camera.streaming = 0;
        pthread_t generator = camera.generator;
        pthread_mutex_unlock(&lock);
        pthread_join(generator, NULL);
        pthread_mutex_lock(&lock);
    }
    memset(&camera.queued, 0, sizeof camera.queued);
    memset(&camera.finished, 0, sizeof camera.finished);
    memset(camera.state, 0, sizeof camera.state);
    uint64_t count;
    while (camera.owner >= 0 && read(camera.owner, &count, sizeof count) > 0) { }
}

static void release_buffers(void) {
    stop_streaming();
    if (camera.mapping) munmap(camera.mapping, camera.buffer_length * camera.buffer_count);
    if (camera.memory >= 0) syscall(SYS_close, camera.memory);
    if (camera.lock_file >= 0) syscall(SYS_close, camera.lock_file);
    camera.mapping = NULL;
    camera.memory = camera.lock_file = camera.owner = -1;
    camera.buffer_count = 0;
}

static int request_buffers(int handle, struct v4l2_requestbuffers *request) {
    if (request->memory != V4L2_MEMORY_MMAP || request->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
    if (camera.owner >= 0 && camera.owner != handle) return fail(EBUSY);
    if (camera.streaming) return fail(EBUSY);
    release_buffers();
    request->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
    if (request->count == 0) return 0;
    if (request->count > MAX_BUFFERS) request->count = MAX_BUFFERS;
    const char *lock_path = getenv("FAKECAM_LOCK");
    if (lock_path) {
        camera.lock_file = syscall(SYS_openat, AT_FDCWD, lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (camera.lock_file < 0 || flock(camera.lock_file, LOCK_EX | LOCK_NB)) { release_buffers(); return fail(EBUSY); }
    }
    camera.owner = handle;
    camera.buffer_count = request->count;
    camera.buffer_length = (image_length() + 4095) & ~(size_t)4095;
    size_t length = camera.buffer_length * camera.buffer_count;
    camera.memory = memfd_create("fakecam", MFD_CLOEXEC);
    if (camera.memory < 0 || ftruncate(camera.memory, length)) { release_buffers(); return fail(ENOMEM); }
    camera.mapping = (uint8_t *)syscall(SYS_mmap, NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, camera.memory, 0);
    return 0;
}

static void describe_buffer(struct v4l2_buffer *buffer, int index) {
    buffer->index = index;
    buffer->type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    buffer->memory = V4L2_MEMORY_MMAP;
    buffer->field = V4L2_FIELD_NONE;
    buffer->length = image_length();
    buffer->m.offset = index * camera.buffer_length;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | (camera.state[index] == QUEUED ? V4L2_BUF_FLAG_QUEUED : 0);
}

static int buffer_ioctl(unsigned long request, int handle, struct v4l2_buffer *buffer) {
    if (camera.owner != handle) return fail(EINVAL);
    if (request == VIDIOC_DQBUF) {
        int index = take(&camera.finished);
        if (index < 0) return fail(camera.streaming ? EAGAIN : EINVAL);
        uint64_t one;
        if (read(handle, &one, sizeof one) < 0 && errno != EAGAIN) return -1;
        camera.state[index] = IDLE;
        *buffer = camera.done[index];
        describe_buffer(buffer, index);
        return 0;
    }
    if (buffer->index >= (unsigned)camera.buffer_count) return fail(EINVAL);
    if (request == VIDIOC_QBUF) {
        if (camera.state[buffer->index] != IDLE) return fail(EINVAL);
        camera.state[buffer->index] = QUEUED;
        put(&camera.queued, buffer->index);
    }
    describe_buffer(buffer, buffer->index);
    return 0;
}

static int start_streaming(int handle) {
    if (camera.owner != handle || !camera.buffer_count) return fail(EINVAL);
    if (camera.streaming) return 0;
    camera.streaming = 1;
    camera.sequence = 0;
    if (pthread_create(&camera.generator, NULL, generate, NULL)) { camera.streaming = 0; return fail(ENOMEM); }
    return 0;
}

/* ---- what is offered and set ---------------------------------------------------------------------------------- */

static const uint32_t formats[] = { V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_NV12 };

static int known_format(uint32_t format) { return format == formats[0] || format == formats[1]; }

/* The sizes on offer at the moment; returns their number. */
static int sizes_now(struct size sizes[MAX_SIZES]) {
    char text[32];
    read_control(text);
    if (sscanf(text, "size %dx%d", &sizes[0].width, &sizes[0].height) == 2) return 1;
    memcpy(sizes, offer.sizes, sizeof offer.sizes);
    return offer.size_count;
}

static struct size nearest_size(int width, int height) {
    struct size sizes[MAX_SIZES];
    int count = sizes_now(sizes);
    struct size best = sizes[0];
    for (int i = 0; i < count; i++) {
        struct size size = sizes[i];
        if (abs(size.width - width) + abs(size.height - height) < abs(best.width - width) + abs(best.height - height)) best = size;
    }
    return best;
}

static void describe_format(struct v4l2_pix_format *out, struct size size, uint32_t format) {
    int nv12 = format == V4L2_PIX_FMT_NV12;
    *out = (struct v4l2_pix_format){ .width = size.width, .height = size.height, .pixelformat = format,
        .field = V4L2_FIELD_NONE, .colorspace = V4L2_COLORSPACE_SRGB, .bytesperline = size.width * (nv12 ? 1 : 2),
        .sizeimage = size.width * size.height * (nv12 ? 3 : 4) / 2 };
}

static int set_format(unsigned long request, int handle, struct v4l2_format *wanted) {
    struct size size = nearest_size(wanted->fmt.pix.width, wanted->fmt.pix.height);
    uint32_t format = known_format(wanted->fmt.pix.pixelformat) ? wanted->fmt.pix.pixelformat : formats[0];
    if (request == VIDIOC_S_FMT) {
        if (camera.buffer_count || (camera.owner >= 0 && camera.owner != handle)) return fail(EBUSY);
        camera.size = size;
        camera.format = format;
    }
    describe_format(&wanted->fmt.pix, size, format);
    return 0;
}

static int rate_ioctl(unsigned long request, struct v4l2_streamparm *parameters) {
    struct v4l2_fract wanted = parameters->parm.capture.timeperframe;
    if (request == VIDIOC_S_PARM && wanted.numerator && wanted.denominator) {
        /* The longer of the two when that is nearer to the wish. */
        double times = (double)wanted.numerator / wanted.denominator * offer.interval.denominator / offer.interval.numerator;
        camera.interval = (struct v4l2_fract){ offer.interval.numerator * (times > 1.5 ? 2 : 1), offer.interval.denominator };
    }
    memset(&parameters->parm, 0, sizeof parameters->parm);
    parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
    parameters->parm.capture.timeperframe = camera.interval;
    parameters->parm.capture.readbuffers = 2;
    return 0;
}

static int list_format(struct v4l2_fmtdesc *entry) {
    if (entry->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || entry->index > 1) return fail(EINVAL);
    entry->pixelformat = formats[entry->index];
    entry->flags = 0;
    snprintf((char *)entry->description, sizeof entry->description, "%.4s", (char *)&entry->pixelformat);
    return 0;
}

static int list_size(struct v4l2_frmsizeenum *entry) {
    struct size sizes[MAX_SIZES];
    if (!known_format(entry->pixel_format) || entry->index >= (unsigned)sizes_now(sizes)) return fail(EINVAL);
    entry->type = V4L2_FRMSIZE_TYPE_DISCRETE;
    entry->discrete.width = sizes[entry->index].width;
    entry->discrete.height = sizes[entry->index].height;
    return 0;
}

static int list_interval(struct v4l2_frmivalenum *entry) {
    struct size size = nearest_size(entry->width, entry->height);
    int exists = size.width == (int)entry->width && size.height == (int)entry->height && known_format(entry->pixel_format);
    if (!exists || entry->index > 1) return fail(EINVAL);
    entry->type = V4L2_FRMIVAL_TYPE_DISCRETE;
    entry->discrete = (struct v4l2_fract){ offer.interval.numerator * (entry->index + 1), offer.interval.denominator };
    return 0;
}

static int describe_device(struct v4l2_capability *out) {
    memset(out, 0, sizeof *out);
    strcpy((char *)out->driver, "fakecam");
    strcpy((char *)out->bus_info, "platform:fakecam");
    snprintf((char *)out->card, sizeof out->card, "%s", setting("FAKECAM_NAME", "Test Camera"));
    out->version = 0x60000;
    out->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
    out->capabilities = out->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int dispatch(int handle, unsigned long request, void *argument) {
    switch (request) {
    case VIDIOC_QUERYCAP: return describe_device(argument);
    case VIDIOC_ENUM_FMT: return list_format(argument);
    case VIDIOC_ENUM_FRAMESIZES: return list_size(argument);
    case VIDIOC_ENUM_FRAMEINTERVALS: return list_interval(argument);
    case VIDIOC_G_FMT:
        if (((struct v4l2_format *)argument)->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
        describe_format(&((struct v4l2_format *)argument)->fmt.pix, camera.size, camera.format);
        return 0;
    case VIDIOC_S_FMT: case VIDIOC_TRY_FMT:
        if (((struct v4l2_format *)argument)->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
        return set_format(request, handle, argument);
    case VIDIOC_G_PARM: case VIDIOC_S_PARM:
        if (((struct v4l2_streamparm *)argument)->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return fail(EINVAL);
        return rate_ioctl(request, argument);
    case VIDIOC_REQBUFS: return request_buffers(handle, argument);
    case VIDIOC_QUERYBUF: case VIDIOC_QBUF: case VIDIOC_DQBUF: return buffer_ioctl(request, handle, argument);
    case VIDIOC_STREAMON: return start_streaming(handle);
    case VIDIOC_STREAMOFF:
        if (camera.owner == handle) stop_streaming();
        return 0;
    case VIDIOC_QUERYCTRL: case VIDIOC_QUERY_EXT_CTRL: case VIDIOC_QUERYMENU: return fail(EINVAL);
    default: return fail(ENOTTY);
    }
}

/* ---- handles -------------------------------------------------------------------------------------------------- */

/* Position of a file descriptor among the camera's handles, or -1. Called with the lock held. */
static int position(int file) {
    for (int i = 0; i < camera.handle_count; i++)
        if (camera.handles[i] == file) return i;
    return -1;
}

static int is_handle(int file) {
    if (!switched_on() || file < 0) return 0;
    pthread_mutex_lock(&lock);
    int found = position(file) >= 0;
    pthread_mutex_unlock(&lock);
    return found;
}

static int open_camera(void) {
    if (ordered("unplug")) return fail(ENOENT);
    pthread_mutex_lock(&lock);
    load();
    int handle = camera.handle_count < MAX_HANDLES ? eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC) : fail(EMFILE);
    if (handle >= 0) {
        camera.handle_generation[camera.handle_count] = camera.generation;
        camera.handles[camera.handle_count++] = handle;
    }
    pthread_mutex_unlock(&lock);
    return handle;
}

static void forget_handle(int file) {
    pthread_mutex_lock(&lock);
    int at = position(file);
    if (at >= 0) {
        if (camera.owner == file) release_buffers();
        camera.handle_count--;
        camera.handles[at] = camera.handles[camera.handle_count];
        camera.handle_generation[at] = camera.handle_generation[camera.handle_count];
    }
    pthread_mutex_unlock(&lock);
}

static int control(int file, unsigned long request, void *argument) {
    pthread_mutex_lock(&lock);
    int alive = camera.handle_generation[position(file)] == camera.generation;
    int result = alive ? dispatch(file, request & 0xffffffff, argument) : fail(ENODEV);
    int code = errno;
    pthread_mutex_unlock(&lock);
    errno = code;
    return result;
}

/* A file that holds the name, as sysfs would. */
static int open_name(void) {
    int file = memfd_create("fakecam-name", MFD_CLOEXEC);
    const char *name = setting("FAKECAM_NAME", "Test Camera");
    if (file >= 0 && (write(file, name, strlen(name)) < 0 || write(file, "\n", 1) < 0)) return -1;
    if (file >= 0) lseek(file, 0, SEEK_SET);
    return file;
}

/* Opens the camera or its name. Returns 0 when the path is neither. */
static int opens_camera(const char *path, int *file) {
    if (!switched_on() || !path) return 0;
    if (strcmp(path, DEVICE_PATH) == 0) { *file = open_camera(); return 1; }
    if (strcmp(path, NAME_PATH) == 0) { *file = open_name(); return 1; }
    return 0;
}

/* ---- the functions that are taken over ------------------------------------------------------------------------ */

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, int); va_end(list); \
        int file; \
        return opens_camera(path, &file) ? file : NEXT(name)(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, int); va_end(list); \
        int file; \
        return opens_camera(path, &file) ? file : NEXT(name)(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

int close(int file) {
    if (is_handle(file)) forget_handle(file);
    return NEXT(close)(file);
}

int ioctl(int file, unsigned long request, ...) {
    va_list list; va_start(list, request); void *argument = va_arg(list, void *); va_end(list);
    return is_handle(file) ? control(file, request, argument) : NEXT(ioctl)(file, request, argument);
}

/* The Rust crate `v4l` calls syscall(SYS_ioctl, ...) and not ioctl(). */
long syscall(long number, ...) {
    long a[6];
    va_list list; va_start(list, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    int file;
    if (number == SYS_ioctl && is_handle((int)a[0])) return control((int)a[0], a[1], (void *)a[2]);
    if (number == SYS_openat && opens_camera((const char *)a[1], &file)) return file;
    static long (*next)(long, ...);
    if (!next) next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define MMAP(name, offset_type) \
    void *name(void *address, size_t length, int protection, int flags, int file, offset_type offset) { \
        return NEXT(name)(address, length, protection, flags, is_handle(file) ? camera.memory : file, offset); \
    }
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

/* A listing of /dev gets one entry more at its end, unless there is a real /dev/video0. */
static _Thread_local DIR *listing;

DIR *opendir(const char *path) {
    DIR *folder = NEXT(opendir)(path);
    int add = switched_on() && folder && strcmp(path, "/dev") == 0 && access(DEVICE_PATH, F_OK) != 0 && !ordered("unplug");
    if (add) listing = folder;
    return folder;
}

#define READDIR(name, entry_type) \
    struct entry_type *name(DIR *folder) { \
        struct entry_type *entry = NEXT(name)(folder); \
        if (entry || folder != listing) return entry; \
        listing = NULL; \
        static _Thread_local struct entry_type extra = { .d_type = DT_CHR, .d_name = "video0", .d_reclen = sizeof extra }; \
        return &extra; \
    }
READDIR(readdir, dirent)
READDIR(readdir64, dirent64)
