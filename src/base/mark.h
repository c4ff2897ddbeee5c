/* base/mark.h -- how names of files end that are being written: our mark (fs/place.h). */
#ifndef PS_BASE_MARK_H
#define PS_BASE_MARK_H

#define PS_MARK ".penstock"

#endif
