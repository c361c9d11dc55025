using System.Text;

namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>The value of expressions.</summary>
internal sealed partial class Interpreter
{
    public Value Evaluate(Expression expression, Scope scope)
    {
        Enter();
        Budget.Spend(1);
        Line = expression.Line;
        Value value = expression switch
        {
            Literal literal => literal.Value,
            NameLookup name => scope.Get(name.Name),
            ListLiteral list => new ListValue(EvaluateAll(list.Items, scope), list.IsTuple),
            MappingLiteral map => Mapping(map, scope),
            AttributeLookup lookup => Lookup.Attribute(Evaluate(lookup.Target, scope), lookup.Name),
            ItemLookup lookup => Lookup.Item(Evaluate(lookup.Target, scope), Evaluate(lookup.Key, scope), Budget),
            SliceLookup slice => Slice(slice, scope),
            Call call => Invoke(call, scope, caller: null),
            FilterCall filter => Filters.Apply(
                filter.Name, this, Evaluate(filter.Input, scope), EvaluateArguments(filter.Arguments, scope)),
            TestCall test => BooleanValue.Of(
                Tests.Holds(test.Name, this, Evaluate(test.Input, scope), EvaluateArguments(test.Arguments, scope))),
            Unary unary => Apply(unary.Operator, Evaluate(unary.Operand, scope)),
            Binary binary => Operators.Apply(binary.Operator, Evaluate(binary.Left, scope), Evaluate(binary.Right, scope), this),
            Logical logical => Evaluate(logical.Left, scope) is var left && left.IsTrue == logical.IsAnd
                ? Evaluate(logical.Right, scope)
                : left,
            Concatenation concatenation => Concatenate(concatenation, scope),
            Comparisons comparisons => BooleanValue.Of(Compare(comparisons, scope)),
            Conditional choice when Evaluate(choice.Condition, scope).IsTrue => Evaluate(choice.Then, scope),
            Conditional { Else: { } otherwise } => Evaluate(otherwise, scope),
            Conditional => new UndefinedValue("the condition is false and there is no 'else'"),
            _ => throw new InvalidOperationException($"The interpreter does not know the expression {expression.GetType().Name}."),
        };
        Leave();
        return value;
    }

    private Value[] EvaluateAll(Expression[] expressions, Scope scope)
    {
        Value[] values = new Value[expressions.Length];
        Budget.Elements(values.Length);
        for (int i = 0; i < values.Length; i++) values[i] = Evaluate(expressions[i], scope);
        return values;
    }

    private MappingValue Mapping(MappingLiteral literal, Scope scope)
    {
        MappingValue map = new();
        Budget.Elements(literal.Entries.Length);
        foreach ((Expression key, Expression value) in literal.Entries) map.Set(Evaluate(key, scope), Evaluate(value, scope));
        return map;
    }

    private Value Slice(SliceLookup slice, Scope scope)
    {
        Value target = Evaluate(slice.Target, scope);
        long? start = Bound(slice.Start, scope), stop = Bound(slice.Stop, scope), step = Bound(slice.Step, scope);
        return target switch
        {
            StringValue or ListValue => Slicing.Slice(target, start, stop, step, Budget),
            UndefinedValue undefined => throw undefined.Failure(),
            _ => throw new JinjaException($"a value of type '{target.TypeName}' has no slices"),
        };
    }

    private long? Bound(Expression? expression, Scope scope) =>
        expression is null || Evaluate(expression, scope) is var value && value is NoneValue ? null
            : Number.Require(value, "the bound of a slice");

    private Value Invoke(Call call, Scope scope, MacroValue? caller)
    {
        Value target = Evaluate(call.Target, scope);
        Arguments arguments = EvaluateArguments(call.Arguments, scope, caller);
        if (target is UndefinedValue undefined) throw undefined.Failure();
        if (target is not CallableValue callable) throw new JinjaException($"a value of type '{target.TypeName}' cannot be called");
        int line = call.Line;
        Value result = callable.Call(this, arguments);
        Line = line;
        return result;
    }

    private Arguments EvaluateArguments(CallArguments arguments, Scope scope, MacroValue? caller = null)
    {
        if (ReferenceEquals(arguments, CallArguments.None) && caller is null) return Arguments.None;
        List<Value> positional = [.. EvaluateAll(arguments.Positional, scope)];
        Dictionary<string, Value> named = new(StringComparer.Ordinal);
        foreach ((string name, Expression value) in arguments.Named)
            if (!named.TryAdd(name, Evaluate(value, scope))) throw new JinjaException($"the argument '{name}' is given twice");
        if (arguments.Spread is not null) positional.AddRange(Iteration.Items(Evaluate(arguments.Spread, scope), Budget));
        if (arguments.NamedSpread is not null)
        {
            if (Evaluate(arguments.NamedSpread, scope) is not MappingValue map) throw new JinjaException("'**' needs a mapping");
            foreach ((Value key, Value value) in map.Entries)
            {
                string name = Printer.Text(key, Budget);
                if (!named.TryAdd(name, value)) throw new JinjaException($"the argument '{name}' is given twice");
            }
        }

        if (caller is not null) named["caller"] = caller;
        return new Arguments(positional, named.Count > 0 ? named : null);
    }

    private static Value Apply(UnaryOperator operation, Value value) => operation == UnaryOperator.Not
        ? BooleanValue.Of(!value.IsTrue)
        : Operators.Negate(value, negative: operation == UnaryOperator.Negate);

    private StringValue Concatenate(Concatenation concatenation, Scope scope)
    {
        StringBuilder text = new();
        foreach (Expression part in concatenation.Parts)
        {
            string next = Printer.Text(Evaluate(part, scope), Budget);
            Budget.Room((long)text.Length + next.Length);
            Budget.Spend(next.Length);
            text.Append(next);
        }

        return new StringValue(text.ToString());
    }

    private bool Compare(Comparisons comparisons, Scope scope)
    {
        Value left = Evaluate(comparisons.First, scope);
        foreach ((CompareOperator operation, Expression operand) in comparisons.Rest)
        {
            Value right = Evaluate(operand, scope);
            if (!Comparison.Test(operation, left, right, Budget)) return false;
            left = right;
        }

        return true;
    }
}
