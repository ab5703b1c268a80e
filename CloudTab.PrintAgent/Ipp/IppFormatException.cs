namespace CloudTab.PrintAgent;

/// <summary>The bytes are no IPP message (RFC 8010, section 3).</summary>
internal sealed class IppFormatException(string message) : IOException(message);
