using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CloudTab.DevHost.Tests;

/// <summary>
/// DevHost's part of Aspire's API held against Aspire's own assemblies, where a NuGet cache has them: no type, member, parameter, default
/// or constraint may be there that Aspire lacks, or be another than Aspire's.
/// </summary>
public sealed class AspireApi
{
    private static readonly string[] Packages = ["aspire.hosting", "aspire.hosting.postgresql", "aspire.hosting.testing"];

    private static readonly EnumerationOptions AnyCaseAnyDepth = new() { RecurseSubdirectories = true, MatchCasing = MatchCasing.CaseInsensitive };

    /// <summary>Where NuGet keeps packages.</summary>
    private static IEnumerable<string> Folders => new[]
    {
        Environment.GetEnvironmentVariable("NUGET_PACKAGES"),
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages"),
    }.OfType<string>().Where(Directory.Exists);

    [Fact]
    public void DevHost_has_no_public_member_that_Aspire_lacks()
    {
        using var context = new MetadataLoadContext(new PathAssemblyResolver(Assemblies()));
        var aspire = Packages.Select(package => Find(package)).OfType<string>().SelectMany(path => context.LoadFromAssemblyPath(path).GetTypes())
            .ToLookup(type => type.FullName, StringComparer.Ordinal);
        Assert.SkipUnless(aspire.Contains("Aspire.Hosting.DistributedApplication"), "Aspire's packages are not in the NuGet cache: dotnet restore eng/Aspire.proj");

        var devHost = context.LoadFromAssemblyPath(typeof(Aspire.Hosting.DistributedApplication).Assembly.Location);
        var ours = devHost.GetExportedTypes().Where(type => type.Namespace?.StartsWith("Aspire.", StringComparison.Ordinal) == true).ToList();
        Assert.NotEmpty(ours);
        var differences = ours.SelectMany(type => Differences(type, aspire[type.FullName].FirstOrDefault())).ToList();
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static IEnumerable<string> Differences(Type ours, Type? theirs)
    {
        if (theirs is null)
            return [$"{ours.FullName} is no type of Aspire"];
        var known = Members(theirs).ToHashSet(StringComparer.Ordinal);
        return Members(ours).Where(member => !known.Contains(member)).Select(member => $"{ours.FullName}: {member}");
    }

    /// <summary>What the type is, and each thing that others can use of it, as text.</summary>
    private static IEnumerable<string> Members(Type type)
    {
        yield return $"is {type.Attributes & (TypeAttributes.Abstract | TypeAttributes.Sealed | TypeAttributes.Interface)}{Constraints(type.GetGenericArguments())}";
        for (var basis = type.BaseType; basis is not null; basis = basis.BaseType)
            yield return $"extends {basis}";
        foreach (var implemented in type.GetInterfaces().Where(implemented => implemented.IsVisible))
            yield return $"implements {implemented}";

        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;
        foreach (var field in type.GetFields(all).Where(field => field.IsPublic || field.IsFamily))
            yield return $"{field.Attributes} {field.FieldType} {field.Name} = {(field.IsLiteral ? field.GetRawConstantValue() : null)}";
        foreach (var property in type.GetProperties(all).Where(property => property.CustomAttributes.Any(attribute => attribute.AttributeType.Name == nameof(RequiredMemberAttribute))))
            yield return $"required {property.Name}";
        foreach (var constructor in type.GetConstructors(all).Where(IsUsable))
            yield return $"{Signature(constructor)}";
        foreach (var method in type.GetMethods(all).Concat(type.GetInterfaces().SelectMany(other => other.GetMethods())).Where(IsUsable))
            yield return $"{method.ReturnParameter} {Signature(method)}{Constraints(method.GetGenericArguments())}";
    }

    private static bool IsUsable(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Signature(MethodBase method)
    {
        // Whether a member needs an object matters, and whether it can be overridden; whether an interface has a body for it does not.
        var kind = method.Attributes & (MethodAttributes.Static | MethodAttributes.MemberAccessMask);
        var isOpen = method.IsVirtual && !method.IsFinal ? "virtual " : "";
        var isExtension = method.CustomAttributes.Any(attribute => attribute.AttributeType.Name == nameof(ExtensionAttribute)) ? "this " : "";
        var parameters = method.GetParameters().Select(parameter =>
            $"{parameter} {parameter.GetRequiredCustomModifiers().FirstOrDefault()}{(parameter.HasDefaultValue ? Convert.ToString(parameter.RawDefaultValue ?? "null", CultureInfo.InvariantCulture) : "")}");
        return $"{kind} {isOpen}{method.Name}({isExtension}{string.Join(", ", parameters)})";
    }

    private static string Constraints(Type[] arguments) => string.Concat(arguments.Where(argument => argument.IsGenericParameter).Select(argument =>
        $" where {argument}: {argument.GenericParameterAttributes} {string.Join(", ", argument.GetGenericParameterConstraints().Select(constraint => constraint.ToString()).Order(StringComparer.Ordinal))}"));

    private static string? Find(string package) => Folders.Select(folder => Path.Combine(folder, package)).Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder, $"{package}.dll", AnyCaseAnyDepth).Order(StringComparer.Ordinal).TakeLast(1))
        .FirstOrDefault();

    /// <summary>Aspire's signatures name types of many other packages; of each file name one is enough.</summary>
    private static IEnumerable<string> Assemblies() => new[] { RuntimeEnvironment.GetRuntimeDirectory(), Path.GetDirectoryName(typeof(Microsoft.AspNetCore.Http.HttpContext).Assembly.Location)! }
        .Concat(Folders)
        .Append(AppContext.BaseDirectory)
        .SelectMany(folder => Directory.EnumerateFiles(folder, "*.dll", SearchOption.AllDirectories))
        .DistinctBy(Path.GetFileName, StringComparer.OrdinalIgnoreCase);
}
