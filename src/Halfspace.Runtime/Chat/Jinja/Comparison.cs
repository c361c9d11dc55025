namespace Halfspace.Runtime.Chat.Jinja;

/// <summary>Python's equality, order and containment.</summary>
internal static class Comparison
{
    public static bool Test(CompareOperator operation, Value left, Value right, Budget budget) => operation switch
    {
        CompareOperator.Equal => AreEqual(left, right, budget),
        CompareOperator.NotEqual => !AreEqual(left, right, budget),
        CompareOperator.In => Contains(right, left, budget),
        CompareOperator.NotIn => !Contains(right, left, budget),
        _ => InOrder(operation, left, right, budget),
    };

    public static bool AreEqual(Value left, Value right, Budget budget)
    {
        budget.Spend(1);
        if (left is UndefinedValue && right is UndefinedValue) return true;
        if (Number.TryRead(left, out long i) && Number.TryRead(right, out long j)) return i == j;
        if (Number.TryRead(left, out double x) && Number.TryRead(right, out double y)) return x == y;
        switch (left, right)
        {
            case (StringValue a, StringValue b):
                if (a.Text.Length == b.Text.Length) budget.Spend(a.Text.Length / 16);
                return a.Text == b.Text;
            case (ListValue a, ListValue b):
                Budget.Stack();
                if (a.IsTuple != b.IsTuple || a.Items.Count != b.Items.Count) return false;
                for (int k = 0; k < a.Items.Count; k++)
                    if (!AreEqual(a.Items[k], b.Items[k], budget)) return false;
                return true;
            case (MappingValue a, MappingValue b):
                Budget.Stack();
                if (a.Count != b.Count) return false;
                foreach ((Value key, Value value) in a.Entries)
                    if (!b.TryGet(key, out Value? other) || !AreEqual(value, other, budget)) return false;
                return true;
            default:
                return ReferenceEquals(left, right);
        }
    }

    /// <summary>Whether a container holds an item: a text its parts, a mapping its keys.</summary>
    public static bool Contains(Value container, Value item, Budget budget)
    {
        switch (container)
        {
            case StringValue text:
                if (item is UndefinedValue undefined) throw undefined.Failure();
                if (item is not StringValue part)
                    throw new JinjaException($"'in' looks for text in text, not for a value of type '{item.TypeName}'");
                budget.Spend(text.Text.Length / 16);
                return text.Text.Contains(part.Text, StringComparison.Ordinal);
            case ListValue list:
                for (int i = 0; i < list.Items.Count; i++)
                    if (AreEqual(list.Items[i], item, budget)) return true;
                return false;
            case MappingValue map:
                return item is ListValue { IsTuple: false } or MappingValue
                    ? throw new JinjaException($"a value of type '{item.TypeName}' cannot be a key of a mapping")
                    : map.TryGet(item, out _);
            case UndefinedValue:
                return false;
            default:
                throw new JinjaException($"a value of type '{container.TypeName}' holds nothing that 'in' could find");
        }
    }

    /// <summary>Negative, zero or positive as the left value comes before, with or after the right one.</summary>
    /// <exception cref="JinjaException">The types have no order.</exception>
    public static int Order(Value left, Value right, Budget budget)
    {
        budget.Spend(1);
        if (left is UndefinedValue a) throw a.Failure();
        if (right is UndefinedValue b) throw b.Failure();
        if (Number.TryRead(left, out long i) && Number.TryRead(right, out long j)) return i.CompareTo(j);
        if (Number.TryRead(left, out double x) && Number.TryRead(right, out double y)) return x.CompareTo(y);
        if (left is StringValue s && right is StringValue t)
        {
            budget.Spend(Math.Min(s.Text.Length, t.Text.Length) / 16);
            return CompareCodePoints(s.Text, t.Text);
        }

        if (left is ListValue first && right is ListValue second && first.IsTuple == second.IsTuple)
        {
            Budget.Stack();
            for (int k = 0; k < Math.Min(first.Items.Count, second.Items.Count); k++)
                if (!AreEqual(first.Items[k], second.Items[k], budget)) return Order(first.Items[k], second.Items[k], budget);
            return first.Items.Count.CompareTo(second.Items.Count);
        }

        throw new JinjaException($"values of types '{left.TypeName}' and '{right.TypeName}' have no order");
    }

    private static bool InOrder(CompareOperator operation, Value left, Value right, Budget budget)
    {
        bool notANumber = (left is FloatValue x && double.IsNaN(x.Number)) || (right is FloatValue y && double.IsNaN(y.Number));
        int order = Order(left, right, budget);
        return !notANumber && operation switch
        {
            CompareOperator.Less => order < 0,
            CompareOperator.LessOrEqual => order <= 0,
            CompareOperator.Greater => order > 0,
            _ => order >= 0,
        };
    }

    /// <summary>UTF-16 order differs from code point order where surrogates meet characters above them.</summary>
    private static int CompareCodePoints(string left, string right)
    {
        int i = left.AsSpan().CommonPrefixLength(right);
        if (i == left.Length || i == right.Length) return left.Length.CompareTo(right.Length);
        bool leftPair = char.IsSurrogate(left[i]), rightPair = char.IsSurrogate(right[i]);
        return leftPair != rightPair ? leftPair.CompareTo(rightPair) : left[i].CompareTo(right[i]);
    }
}
