namespace CloudTab.PrintAgent;

/// <summary>A request or response of IPP, without the document that may follow it (RFC 8010, section 3.1).</summary>
/// <param name="Version">Major and minor version, for example 0x0200.</param>
/// <param name="Code">The operation of a request, the status of a response.</param>
internal sealed record IppMessage(short Version, short Code, int RequestId, IReadOnlyList<IppGroup> Groups)
{
    public const short Version20 = 0x0200;
    public const short Version11 = 0x0101;

    /// <summary>Whether a response says that the operation was done (RFC 8011, appendix B.1.2).</summary>
    public bool Succeeded => Code is >= 0 and < 0x100;

    public IppStatus Status => (IppStatus)Code;

    /// <summary>The first group of this kind, or an empty one.</summary>
    public IppGroup this[IppTag tag] => Groups.FirstOrDefault(group => group.Tag == tag) ?? new(tag, []);

    /// <summary>A request, which begins with the attributes that RFC 8011, sections 4.1.4 and 4.1.5, wants first: charset, language, target.</summary>
    public static IppMessage Request(
        IppOperation operation, int requestId, string printer, IEnumerable<IppAttribute> attributes, IReadOnlyList<IppAttribute>? job = null, short version = Version20)
    {
        IppGroup first = new(IppTag.OperationAttributes,
        [
            new("attributes-charset", IppValue.Characters(IppTag.Charset, "utf-8")),
            new("attributes-natural-language", IppValue.Characters(IppTag.NaturalLanguage, "en")),
            new("printer-uri", IppValue.Characters(IppTag.Uri, printer)),
            .. attributes,
        ]);
        return new(version, (short)operation, requestId, job is { Count: > 0 } ? [first, new(IppTag.JobAttributes, job)] : [first]);
    }
}
