/* A PC/SC library that its owner, not root, wrote: what it does to the process that loads it is the first word of
   /tmp/marks/does; who loaded it is the name of a file beside. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <unistd.h>

static void mark(const char *what, long number)
{
    char name[64];
    snprintf(name, sizeof name, "/tmp/marks/%s.%ld", what, number);
    int file = open(name, O_WRONLY | O_CREAT, 0666);
    if (file >= 0)
        close(file);
}

static void print_to_all(void)
{
    static char text[1 << 16];
    memset(text, '[', sizeof text);
    for (int number = 0; number < 64; number++)
        for (int times = 0; times < 200 && write(number, text, sizeof text) > 0; times++)
            ;
}

static void outlive_every_alarm(void)
{
    struct itimerval none = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &none, 0);
    for (int number = 1; number < 65; number++)
        signal(number, SIG_IGN);
}

static void eat(void)
{
    for (;;) {
        char *page = malloc(1 << 20);
        if (page)
            memset(page, 1, 1 << 20);
    }
}

__attribute__((constructor)) static void begin(void)
{
    char does[32] = "";
    int file = open("/tmp/marks/does", O_RDONLY);
    if (file >= 0 && read(file, does, sizeof does - 1) < 0)
        does[0] = 0;
    mark("uid", getuid());
    mark("euid", geteuid());
    if (!strcmp(does, "forks"))
        for (int times = 0; times < 60; times++)
            if (fork() == 0) {
                sleep(60);
                _exit(0);
            }
    if (!strcmp(does, "traces"))
        mark("traced", ptrace(PTRACE_SEIZE, getppid(), 0, 0));
    if (!strcmp(does, "prints"))
        print_to_all();
    if (!strcmp(does, "hangs")) {
        outlive_every_alarm();
        for (;;)
            pause();
    }
    if (!strcmp(does, "spins")) {
        outlive_every_alarm();
        for (;;)
            ;
    }
    if (!strcmp(does, "closes"))
        for (int number = 0; number < 1024; number++)
            close(number);
    if (!strcmp(does, "kills"))
        kill(-1, SIGKILL);
    if (!strcmp(does, "stops"))
        kill(-1, SIGSTOP);
    if (!strcmp(does, "eats"))
        eat();
    if (!strcmp(does, "ends"))
        _exit(0);
}

long SCardEstablishContext(void)
{
    return 0;
}
