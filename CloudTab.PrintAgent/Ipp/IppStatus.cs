namespace CloudTab.PrintAgent;

/// <summary>Status codes (RFC 8011, appendix B) that the agent treats differently from each other.</summary>
internal enum IppStatus : short
{
    Ok = 0x0000,
    OkIgnoredAttributes = 0x0001,
    OkConflictingAttributes = 0x0002,
    BadRequest = 0x0400,
    NotFound = 0x0406,
    Gone = 0x0407,
    AttributesNotSupported = 0x040B,
    ServiceUnavailable = 0x0502,
    VersionNotSupported = 0x0503,
    DeviceError = 0x0504,
    TemporaryError = 0x0505,
    NotAcceptingJobs = 0x0506,
    Busy = 0x0507,
}
