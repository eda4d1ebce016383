/*
 * The milter that the benchmark puts beside Postern: reads every octet of the body and adds a header field, as
 * plugin/index.ts does. Usage: milter unix:PATH
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <libmilter/mfapi.h>

static sfsistat on_envelope(SMFICTX *ctx, char **argv)
{
    (void) argv;
    uint32_t *hash = smfi_getpriv(ctx);
    if (hash == NULL && (hash = malloc(sizeof *hash)) == NULL) return SMFIS_TEMPFAIL;
    *hash = 2166136261u;
    smfi_setpriv(ctx, hash);
    return SMFIS_CONTINUE;
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *octets, size_t count)
{
    uint32_t *hash = smfi_getpriv(ctx);
    for (size_t i = 0; i < count; i++) *hash = (*hash ^ octets[i]) * 16777619u;
    return SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *ctx)
{
    char text[16];
    uint32_t *hash = smfi_getpriv(ctx);
    snprintf(text, sizeof text, "%u", (unsigned) *hash);
    return smfi_addheader(ctx, "X-Bench", text) == MI_SUCCESS ? SMFIS_ACCEPT : SMFIS_TEMPFAIL;
}

static sfsistat on_close(SMFICTX *ctx)
{
    free(smfi_getpriv(ctx));
    smfi_setpriv(ctx, NULL);
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct smfiDesc filter = {
        .xxfi_name = "bench",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_envfrom = on_envelope,
        .xxfi_body = on_body,
        .xxfi_eom = on_end,
        .xxfi_close = on_close,
    };
    umask(0); /* Postfix connects as a user of its own */
    if (argc != 2 || smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS) return 2;
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
