/* fs/tree.h -- whole directories: removing, syncing, linking into another.
 *
 * Links are never followed. Depth is bounded (PS_TREE_DEPTH_MAX), as are paths. */
#ifndef PS_FS_TREE_H
#define PS_FS_TREE_H

#include "base/str.h"

enum { PS_TREE_DEPTH_MAX = 64 };

/* Removes as much as it can: for clearing up, where nothing better can be done about a failure. */
void ps_tree_remove(const char *path);
/* Syncs a directory; file systems that refuse it are no failure. */
ps_status ps_dir_sync(ps_ctx *cx, const char *path);
/* The same for the directory of a name that has been put in place. */
struct ps_place;
ps_status ps_dir_sync_after(ps_ctx *cx, const struct ps_place *place);
/* Syncs all directories of a tree: the names in them, not what files hold. */
ps_status ps_tree_sync(ps_ctx *cx, const char *path);
/* Gives every file below `from` a second name at the same place below `to`, directories are made,
 * links copied; what is there already stays, what a writer is at work on (fs/place.h) is left out.
 * n_dirs: directories that were gone through. */
ps_status ps_tree_link(ps_ctx *cx, const char *from, const char *to, uint32_t *n_dirs);
/* Makes the directories of the relative path `name` below `root` that are missing; not its last
 * part. With sync, each is synced into its parent. */
ps_status ps_tree_make(ps_ctx *cx, const char *root, const char *name, bool sync);

#endif
