using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Lur.Generators.Options;

/// <summary>Reads the options of a record, those it inherits and those of its groups included, and says what is wrong with them.</summary>
internal sealed class OptionCollector(INamedTypeSymbol record, CancellationToken cancellation)
{
    private static readonly Regex ProperName = new("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", RegexOptions.Compiled);
    private readonly RecordModel _model = new(
        record.ContainingNamespace.ToDisplayString(),
        record.Name,
        record.IsSealed,
        record.BaseType is { } b && IsRecord(b)
    );
    private readonly Dictionary<OptionModel, ISymbol> _symbols = [];
    private readonly HashSet<string> _told = [];

    /// <summary>What is wrong; nothing is generated then.</summary>
    public List<Diagnostic> Problems { get; } = [];

    /// <summary>Reads the record.</summary>
    public RecordModel Collect()
    {
        if (!IsPartial(record))
            Report(OptionProblems.NotPartial, record, record.Name);
        foreach (var level in Levels())
        {
            var own = SymbolEqualityComparer.Default.Equals(level, record);
            foreach (var property in level.GetMembers().OfType<IPropertySymbol>())
                AddProperty(property, own);
            foreach (var attribute in OptionTypes.Attributes(level, "OptionDefaultAttribute"))
                Override(attribute, own);
        }

        foreach (var option in _model.All)
            ReadImplied(option);
        Sort();
        Check();
        return _model;
    }

    /// <summary>The record and those it derives from, the deepest first.</summary>
    private Stack<INamedTypeSymbol> Levels()
    {
        var levels = new Stack<INamedTypeSymbol>();
        for (var level = record; level is not null && IsRecord(level); level = level.BaseType)
            levels.Push(level);
        return levels;
    }

    private void AddProperty(IPropertySymbol property, bool own)
    {
        if (property.PartialDefinitionPart is not null)
            return;
        if (OptionTypes.Attribute(property, "OptionGroupAttribute") is not null)
        {
            foreach (var grouped in property.Type.GetMembers().OfType<IPropertySymbol>())
            {
                if (Read(grouped) is not { } option)
                    continue;
                option.Group = property.Name;
                _model.All.Add(option);
                if (own)
                    _model.Grouped.Add(option);
            }
        }
        else if (Read(property) is { } option)
        {
            _model.All.Add(option);
            if (!own)
                return;
            _model.Own.Add(option);
            if (!property.IsPartialDefinition)
                Report(OptionProblems.NotPartial, property, property.Name);
        }
    }

    private OptionModel? Read(IPropertySymbol property)
    {
        if (OptionTypes.Attribute(property, "OptionAttribute") is not { } attribute || property.PartialDefinitionPart is not null)
            return null;
        if (NameIn(attribute, property, 1) is not { } name)
            return null;
        if (OptionTypes.Of(property.Type) is not { } type)
        {
            Report(OptionProblems.BadType, property, name, record.Name, property.Type.ToDisplayString());
            return null;
        }

        var named = attribute.NamedArguments.ToDictionary(a => a.Key, a => a.Value.Value);
        string Words(string key) => named.TryGetValue(key, out var value) ? (string?)value ?? "" : "";
        double? Bound(string key) => named.TryGetValue(key, out var value) ? (double?)value : null;
        var option = new OptionModel(name, property.Name, type, OptionTypes.FullName(property.Type))
        {
            Source = Words("Source"),
            Before = Words("Before"),
            Range = new OptionRange(Bound("Least"), Bound("Most"), Bound("Above"), Bound("Below"), Words("Range")),
            ListsChoices = type == OptionType.Value && !property.Type.GetMembers("Choices").IsEmpty,
            Description = Words("Description") is { Length: > 0 } words ? words : OptionDescription.Of(property, cancellation),
        };
        _symbols[option] = property;
        if (type == OptionType.Choice)
            ReadChoices(option, property);
        if (attribute.ConstructorArguments.Length > 1)
            SetDefault(option, OptionTypes.Constant(attribute.ConstructorArguments[1], property.Type), property);
        option.Inverted = type == OptionType.Flag && option.Default is { Text: "true" };
        return option;
    }

    /// <summary>The name that an attribute begins with; null, with a problem, where its arguments do not compile: it has
    /// none then.</summary>
    private string? NameIn(AttributeData attribute, ISymbol place, int arguments)
    {
        var given = attribute.ConstructorArguments;
        if (given.Length >= arguments && given[0] is { Kind: TypedConstantKind.Primitive, Value: string name })
            return name;
        Report(OptionProblems.Unresolved, place, attribute.AttributeClass!.Name.Replace("Attribute", ""), place.Name);
        return null;
    }

    private void ReadChoices(OptionModel option, IPropertySymbol property)
    {
        var choices = OptionTypes.Choices(property.Type).ToArray();
        foreach (var (member, _) in choices.Where(c => string.IsNullOrEmpty(c.Text)))
            Report(OptionProblems.NoChoice, property, $"{property.Type.Name}.{member.Name}", option.Name);
        option.Choices = [.. choices.Select(c => (c.Member.Name, c.Text ?? ""))];
    }

    private void SetDefault(OptionModel option, OptionConstant? value, ISymbol place)
    {
        if (value is null)
            Report(OptionProblems.BadDefault, place, option.Name, record.Name, option.TypeName.Replace("global::", ""));
        option.Default = value;
    }

    private void Override(AttributeData attribute, bool own)
    {
        if (NameIn(attribute, record, 2) is not { } property)
            return;
        if (_model.All.Find(o => o.Property == property && o.Group is null) is not { } option)
        {
            Report(OptionProblems.NoProperty, record, property, record.Name);
            return;
        }

        SetDefault(option, OptionTypes.Constant(attribute.ConstructorArguments[1], ((IPropertySymbol)_symbols[option]).Type), record);
        if (attribute.NamedArguments.FirstOrDefault(a => a.Key == "Source").Value.Value is string { Length: > 0 } source)
            option.Source = source;
        if (own)
            _model.Overridden.Add(option);
    }

    private void ReadImplied(OptionModel flag)
    {
        foreach (var attribute in OptionTypes.Attributes(_symbols[flag], "ImpliesAttribute"))
        {
            if (NameIn(attribute, _symbols[flag], 2) is not { } property)
                continue;
            if (_model.All.Find(o => o.Property == property && o.Group is null) is not { } option)
                Report(OptionProblems.NoProperty, _symbols[flag], property, record.Name);
            else if (OptionTypes.Constant(attribute.ConstructorArguments[1], ((IPropertySymbol)_symbols[option]).Type) is not { } value)
                Report(OptionProblems.BadDefault, _symbols[flag], option.Name, record.Name, option.TypeName.Replace("global::", ""));
            else
                flag.Implies.Add((property, value));
        }
    }

    /// <summary>Puts options that say so before others; the rest stays in the order of declaration.</summary>
    private void Sort()
    {
        foreach (var option in _model.All.Where(o => o.Before.Length > 0).ToArray())
        {
            if (_model.All.Find(o => o.Property == option.Before) is not { } other)
            {
                Report(OptionProblems.NoProperty, _symbols[option], option.Before, record.Name);
                continue;
            }

            _model.All.Remove(option);
            _model.All.Insert(_model.All.IndexOf(other), option);
        }
    }

    private void Check()
    {
        foreach (var group in _model.All.GroupBy(o => o.Name).Where(g => g.Count() > 1))
            Report(OptionProblems.SameName, record, group.Key, record.Name);
        foreach (var option in _model.All)
        {
            var place = _symbols[option];
            if (!ProperName.IsMatch(option.Name) || (option.Type == OptionType.Flag && option.Inverted != StartsWithNo(option.Name)))
                Report(OptionProblems.BadName, place, option.Name, record.Name);
            if (option.Description.Length == 0)
                Report(OptionProblems.NoSummary, place, option.Name, record.Name);
            if (option.Default?.Number is { } number && !option.Range.Contains(number))
                Report(OptionProblems.OutOfRange, record, option.Name, record.Name, option.Default.Value.Text, option.Range.Text);
            if (!record.IsSealed)
                continue;
            if (option.Default is null)
                Report(OptionProblems.BadDefault, record, option.Name, record.Name, option.TypeName.Replace("global::", ""));
            if (option.Source.Length == 0)
                Report(OptionProblems.NoSource, record, option.Name, record.Name);
        }
    }

    private void Report(DiagnosticDescriptor descriptor, ISymbol place, params object[] arguments)
    {
        // A problem of an inherited option is told where it shows: at the record, if it lies in another compilation.
        var location = place.Locations.FirstOrDefault(l => l.IsInSource) ?? record.Locations[0];
        if (_told.Add($"{descriptor.Id} {string.Join("|", arguments)}"))
            Problems.Add(Diagnostic.Create(descriptor, location, arguments));
    }

    private static bool StartsWithNo(string name) => name.StartsWith("no-", StringComparison.Ordinal);

    private static bool IsRecord(INamedTypeSymbol type) => OptionTypes.Attribute(type, "OptionsAttribute") is not null;

    private static bool IsPartial(INamedTypeSymbol type) =>
        type
            .DeclaringSyntaxReferences.Select(r => r.GetSyntax())
            .OfType<RecordDeclarationSyntax>()
            .All(d => d.Modifiers.Any(m => m.Text == "partial"));
}
