/**
 * Code of this computer (x86-64, Linux) for hot guest code, emitted straight from Java. A block
 * ({@link org.duvisor.nativecode.BlockCompiler}) is a sequence of templates ({@link
 * org.duvisor.nativecode.Templates}); every instruction boundary is precise, with the guest's
 * registers where {@link org.duvisor.nativecode.Guest} says. What has no template is interpreted.
 *
 * <p>An error in here gives a guest the host. Two rules keep that apart: a host address of guest
 * memory comes from an entry of the TLB that was tested in the same block, after the last change of
 * its base register, and nothing else is ever accessed but the hart's block, the stack of the
 * visit, and the links.
 */
@NullMarked
package org.duvisor.nativecode;

import org.jspecify.annotations.NullMarked;
