using System.Text.Json;

namespace CloudTab.Relay;

/// <summary>How much a shop itself lets its customers send, all inclusive; null: as much as its operator allows.</summary>
/// <param name="Files">Files in a session.</param>
/// <param name="FileSize">Bytes in a file.</param>
/// <param name="SessionSize">Bytes in a session.</param>
/// <param name="Outstanding">Bytes in all live files of the shop.</param>
public sealed record OwnLimits(int? Files = null, long? FileSize = null, long? SessionSize = null, long? Outstanding = null)
{
    /// <summary>What is wrong with the limits, if this is the most that the operator allows; or null.</summary>
    public string? WhyInvalid(UploadLimits most)
    {
        if (WhyInvalid("files", Files, most.Files) is { } files)
            return files;
        if (WhyInvalid("fileSize", FileSize, most.FileSize) is { } fileSize)
            return fileSize;
        if (WhyInvalid("sessionSize", SessionSize, most.SessionSize) is { } sessionSize)
            return sessionSize;
        if (WhyInvalid("outstanding", Outstanding, most.Outstanding) is { } outstanding)
            return outstanding;
        // What is left to the operator was checked with the settings.
        if (SessionSize < FileSize)
            return "sessionSize must be fileSize or more: no file of that size could be sent.";
        return Outstanding < SessionSize ? "outstanding must be sessionSize or more: no session of that size could be sent." : null;
    }

    /// <summary>The limits as they are stored.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, PrintingContext.Default.OwnLimits);

    private static string? WhyInvalid(string name, long? value, long most) =>
        value is null || value >= 1 && value <= most ? null : FormattableString.Invariant($"{name} must be a whole number from 1 to {most}, which this relay's operator allows, or null.");
}
