using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A value that comes from outside the app model: configuration (<c>Parameters:name</c>), or what is generated in its absence.</summary>
public class ParameterResource : Resource, IExpressionValue
{
    private readonly Lazy<string> _value;

    public ParameterResource(string name, Func<ParameterDefault?, string> callback, bool secret = false)
        : base(name)
    {
        _value = new Lazy<string>(() => callback(Default));
        Secret = secret;
    }

    public bool Secret { get; }

    public ParameterDefault? Default { get; set; }

    public string ValueExpression => $"{{{Name}.value}}";

    [SuppressMessage("Design", "MA0061", Justification = "As in Aspire.")]
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken) => new(_value.Value);
}

public abstract class ParameterDefault
{
    public abstract string GetDefaultValue();
}

/// <summary>A random value of at least so many characters, of the chosen kinds.</summary>
public sealed class GenerateParameterDefault : ParameterDefault
{
    public int MinLength { get; set; } = 22;

    public bool Lower { get; set; } = true;

    public bool Upper { get; set; } = true;

    public bool Numeric { get; set; } = true;

    public bool Special { get; set; } = true;

    /// <summary>Uniform over the chosen characters. Characters that are easily confused or need escaping in URLs and shells are left out.</summary>
    public override string GetDefaultValue()
    {
        var characters = (Lower ? "abcdefghjkmnpqrstuvwxyz" : "") + (Upper ? "ABCDEFGHJKMNPQRSTUVWXYZ" : "")
            + (Numeric ? "0123456789" : "") + (Special ? "-_.{}~()*+!" : "");
        if (characters.Length == 0)
            throw new InvalidOperationException("A generated value needs at least one kind of characters.");
        return RandomNumberGenerator.GetString(characters, MinLength);
    }
}
