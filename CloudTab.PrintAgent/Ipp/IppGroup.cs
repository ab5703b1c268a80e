namespace CloudTab.PrintAgent;

/// <summary>A group of attributes: those of the operation, of a job, of the printer, or those that the printer does not support.</summary>
internal sealed record IppGroup(IppTag Tag, IReadOnlyList<IppAttribute> Attributes)
{
    public IppAttribute? this[string name] => Attributes.FirstOrDefault(attribute => attribute.Name == name);
}
