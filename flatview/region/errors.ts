/** Errors of the region tree. */

/** An edit of the tree that its present state does not allow. Nothing was changed. */
export class RegionError extends Error {
  /** The name of the class. */
  override name = "RegionError";
  /** Name of the region on which the edit was tried. */
  readonly region: string;

  /** Builds the message from the action, the region's name and the reason. */
  constructor(action: string, region: string, reason: string) {
    super(`Cannot ${action} "${region}": ${reason}`);
    this.region = region;
  }
}

/** A region that was destroyed or finalised was used. */
export class RegionDeadError extends RegionError {
  /** The name of the class. */
  override name = "RegionDeadError";
}

/** Transactions that do not pair up. */
export class TransactionError extends Error {
  /** The name of the class. */
  override name = "TransactionError";
}

/** A tree that cannot be rendered: aliases that lead back into themselves, or nest without end. */
export class RenderLimitError extends Error {
  /** The name of the class. */
  override name = "RenderLimitError";
  /** Name of the region at which rendering gave up. */
  readonly region: string;

  /** Builds the message from the region's name and the reason. */
  constructor(region: string, reason: string) {
    super(`Cannot render "${region}": ${reason}`);
    this.region = region;
  }
}
